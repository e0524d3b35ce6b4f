"""The commands as they are typed: real processes, with a folder and an environment of their own, and no server."""

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from programs import PASSWORD, environment, free_port, new_token, warmline

from warmline.sandbox import Fault, Sandbox, World, serving

COMMANDS = [
    ("",),
    ("serve",),
    ("demo",),
    ("sandbox",),
    ("user",),
    ("user", "add"),
    ("token",),
    ("sync",),
    ("sync", "status"),
    ("sync", "retry"),
    ("sync", "start-anew"),
    ("explain",),
    ("explain", "contact"),
    ("doctor",),
    ("audit",),
]
TOKEN = "token-that-nobody-may-see"


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a team that is only Alice, who has no token for Pipedrive."""
    env = environment(tmp_path_factory.mktemp("data"), "http://127.0.0.1:9", PIPEDRIVE_API_TOKEN="")
    added = warmline(env, "user", "add", "alice@example.com", "--name", "Alice", "--admin", typed=PASSWORD)
    assert (added.returncode, added.stderr) == (0, "")
    assert added.stdout == "Alice <alice@example.com> is an admin of the team.\n"
    return env


def plain(text: str) -> str:
    """Return what a command says as one line, without frames."""
    return " ".join(re.sub("[─-╿]", " ", text).split())


def fails(done: "CompletedProcess[str]", status: int) -> str:
    """Look at how a command failed, and return what it said."""
    assert done.returncode == status, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return plain(done.stderr)


def test_a_command_leaves_a_whole_database_file(env: dict[str, str]) -> None:
    """Its connection is closed, so no log of writes stays beside the file."""
    folder = Path(env["WARMLINE_DATA_DIR"])
    assert sorted(file.name for file in folder.glob("*.sqlite3*")) == ["warmline.sqlite3", "warmline.sqlite3-turn"]


def test_every_command_explains_itself(env: dict[str, str]) -> None:
    """With one sentence at least, and nothing is opened for it."""
    nowhere = {**env, "WARMLINE_DATA_DIR": "/dev/null/nowhere"}
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda words: warmline(nowhere, *filter(None, words), "--help"), COMMANDS))
    for words, done in zip(COMMANDS, answers, strict=True):
        assert (done.returncode, done.stderr) == (0, ""), words
        assert f"Usage: warmline {' '.join(words)}".strip() in plain(done.stdout)
        assert re.search(r"\. ", plain(done.stdout)), words


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("nonsense", "No such command 'nonsense'."),
        ("user add", "Missing argument 'EMAIL'."),
        ("user add bob@example.com", "Missing option '--name'."),
        ("token", "Missing argument 'EMAIL'."),
        ("serve --port 65536", "Invalid value for '--port'"),
        ("serve --prot 8000", "No such option: --prot"),
        ("explain contact seven", "Invalid value for 'ID'"),
        ("sync status now", "Got unexpected extra argument"),
        ("sync start-anew --force", "No such option: --force"),
        ("sandbox --company 0", "Invalid value for '--company'"),
    ],
)
def test_wrong_usage(env: dict[str, str], typed: str, says: str) -> None:
    """Ends with 2, says what is wrong, and how to get help."""
    said = fails(warmline(env, *typed.split()), 2)
    assert says in said
    assert "--help' for help." in said


@pytest.mark.parametrize(
    ("email", "options", "password", "says"),
    [
        ("bob@example.com", [], "tiny-one", "warmline: The password is too short."),
        ("bob@example.com", [], "", "warmline: The password is too short."),
        ("bob@example.com", [], "1234567890", "warmline: This password is too common."),
        ("ALICE@example.com", [], PASSWORD, "warmline: A user with this e-mail already exists. Use another e-mail."),
        ("bob", [], PASSWORD, "warmline: Enter an e-mail address such as kim@example.com."),
        ("bob@example.com", ["--name", " "], PASSWORD, "warmline: Enter the name."),
        (
            "bob@example.com",
            ["--name", "Bob", "--time-zone", "Mars/Olympus"],
            PASSWORD,
            "warmline: This is not a time zone.",
        ),
    ],
)
def test_a_user_who_cannot_be_added(
    env: dict[str, str], email: str, options: list[str], password: str, says: str
) -> None:
    """Ends with 1, names what is wrong, and nobody is added."""
    said = fails(warmline(env, "user", "add", email, *(options or ["--name", "Bob"]), typed=password), 1)
    assert said.startswith(says)
    assert not password or password not in said
    with closing(sqlite3.connect(f"{env['WARMLINE_DATA_DIR']}/warmline.sqlite3")) as database:
        assert database.execute("SELECT email FROM crm_user").fetchall() == [("alice@example.com",)]


def test_a_token_for_nobody(env: dict[str, str]) -> None:
    """Ends with 1, and says how to add a member."""
    said = fails(warmline(env, "token", "bob@example.com"), 1)
    assert said == ("warmline: no team member has the e-mail bob@example.com. Add one with `warmline user add`.")


def test_a_token_and_nothing_else(env: dict[str, str]) -> None:
    """So that a script can take it; each is a new one."""
    first, second = (warmline(env, "token", "Alice@Example.com", *name) for name in ([], ["--name", "the report"]))
    assert (first.returncode, first.stderr) == (0, "")
    assert re.fullmatch(r"wl_[\w-]{43}\n", first.stdout)
    assert first.stdout != second.stdout
    with closing(sqlite3.connect(f"{env['WARMLINE_DATA_DIR']}/warmline.sqlite3")) as database:
        names = database.execute("SELECT name FROM crm_apitoken ORDER BY id").fetchall()
    assert names == [("Created on the command line",), ("the report",)]
    too_long = fails(warmline(env, "token", "alice@example.com", "--name", 256 * "x"), 1)
    assert too_long == "warmline: the name can have at most 255 characters."


def test_an_empty_book(env: dict[str, str]) -> None:
    """The state of the connection and three zeros; nothing to retry, and no contact to explain."""
    status = warmline(env, "sync", "status")
    assert status.returncode == 0
    assert status.stdout.splitlines()[0].startswith("connection   no_token: No Pipedrive API token is set.")
    assert [line.split() for line in status.stdout.splitlines()[1:]] == [
        ["wanted", "0"],
        ["in_progress", "0"],
        ["failed", "0"],
    ]
    assert warmline(env, "sync", "retry").stdout == "Nothing to retry.\n"
    for number in ("7", "99999999999999999999"):
        assert fails(warmline(env, "explain", "contact", number), 1) == f"warmline: there is no contact {number}."


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"WARMLINE_LABLE": "secret"}, "warmline: WARMLINE_LABLE is not a Warmline setting."),
        (
            {"PIPEDRIVE_BASE_URL": "https://example.com/?api_token=secret"},
            "warmline: PIPEDRIVE_BASE_URL: expected scheme, host and port only",
        ),
        ({"DATABASE_URL": "mysql://alice:secret@127.0.0.1/w"}, "warmline: DATABASE_URL: expected sqlite:////PATH or"),
        ({"PIPEDRIVE_API_TOKEN_FILE": "/nowhere"}, "warmline: PIPEDRIVE_API_TOKEN_FILE: cannot read /nowhere:"),
    ],
)
def test_an_unusable_environment(env: dict[str, str], more: dict[str, str], says: str) -> None:
    """Ends with 1, in one line that names the variable and shows no value."""
    done = warmline({**env, **more}, "sync", "status")
    assert fails(done, 1).startswith(says)
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_a_data_folder_that_cannot_be_used(env: dict[str, str], tmp_path: Path) -> None:
    """Neither below a file, nor with a database that is none: one line says which, and which variable to set."""
    file = tmp_path / "file"
    file.write_text("x")
    said = fails(warmline({**env, "WARMLINE_DATA_DIR": str(file / "data")}, "sync", "status"), 1)
    assert said.startswith(f"warmline: cannot use {file / 'data'}: Not a directory. Set WARMLINE_DATA_DIR")
    (tmp_path / "warmline.sqlite3").write_text("This is no database. " * 100)
    said = fails(warmline({**env, "WARMLINE_DATA_DIR": str(tmp_path)}, "sync", "status"), 1)
    assert said.startswith("warmline: cannot use the database: file is not a database.")


@pytest.mark.parametrize("command", ["serve", "sandbox"])
def test_a_port_that_is_taken(env: dict[str, str], command: str) -> None:
    """Ends with 1 and a line that says which port, and what to do."""
    with serving(Sandbox(World.sample(token=TOKEN))) as url:
        port = url.rpartition(":")[2]
        said = fails(warmline(env, command, "--port", port), 1)
    assert said == (
        f"warmline: cannot listen on 127.0.0.1 port {port}: Address already in use."
        " Choose another with --host and --port."
    )


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    """Return a Pipedrive with the sample company."""
    return Sandbox(World.sample(token=TOKEN))


@pytest.fixture(scope="module")
def at_sandbox(env: dict[str, str], sandbox: Sandbox) -> Iterator[dict[str, str]]:
    """Return the environment of the team when there is a Pipedrive, and the right token for it."""
    with serving(sandbox) as url:
        yield {**env, "PIPEDRIVE_BASE_URL": url, "PIPEDRIVE_API_TOKEN": TOKEN}


def test_the_doctor_finds_all_well(at_sandbox: dict[str, str], sandbox: Sandbox) -> None:
    """Each finding is a line; nothing is changed in Pipedrive."""
    done = warmline(at_sandbox, "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all(line.startswith("ok       ") and line.endswith(".") for line in lines)
    assert [word for word in ("data", "token", "label", "field", "types") if word not in done.stdout] == []
    assert TOKEN not in done.stdout
    assert {call.method for call in sandbox.world.calls} == {"GET"}


def test_an_engine_that_stands_still(at_sandbox: dict[str, str]) -> None:
    """Doctor and status say so, in the words of the pages; once it is back they say nothing of it."""
    file = Path(at_sandbox["WARMLINE_DATA_DIR"]) / "engine-stopped"  # as `serve` leaves it there
    file.touch()
    try:
        doctor, status = warmline(at_sandbox, "doctor"), warmline(at_sandbox, "sync", "status")
    finally:
        file.unlink()
    assert doctor.returncode == 1
    assert "problem  The sync engine has stopped" in doctor.stdout
    assert status.stdout.startswith("connection   stopped: The sync engine has stopped")


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({}, "ok       Links lead to http://localhost:8000. Set WARMLINE_PUBLIC_URL to the address that people use."),
        (
            {"WARMLINE_HOSTS": "localhost,crm.example.com"},
            "warning  Links lead to http://localhost:8000. Set WARMLINE_PUBLIC_URL to the address that people use.",
        ),
        (
            {"WARMLINE_HOSTS": "crm.example.com"},
            "warning  Links lead to https://crm.example.com. Set WARMLINE_PUBLIC_URL to the address that people use.",
        ),
        ({"WARMLINE_PUBLIC_URL": "https://crm.example.com"}, "ok       Links lead to https://crm.example.com."),
    ],
)
def test_the_doctor_says_where_links_lead(at_sandbox: dict[str, str], more: dict[str, str], line: str) -> None:
    """It warns where nobody said it and others than this machine are to come; that is no problem of Pipedrive's."""
    done = warmline({**at_sandbox, **more}, "doctor")
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, line)


def test_the_doctor_finds_a_missing_type(at_sandbox: dict[str, str], sandbox: Sandbox) -> None:
    """Tasks can stand in for meetings, and nothing stands in for tasks."""
    sandbox.world.set_activity_type_active("meeting", active=False)
    done = warmline(at_sandbox, "doctor")
    assert done.returncode == 0
    assert "Not active in Pipedrive: meeting." in done.stdout
    sandbox.world.set_activity_type_active("task", active=False)
    done = warmline(at_sandbox, "doctor")
    for name in ("meeting", "task"):  # another process of the run may leave earlier tests to this one's sandbox
        sandbox.world.set_activity_type_active(name, active=True)
    assert done.returncode == 1
    assert "problem  Not active in Pipedrive: meeting, task." in done.stdout


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"PIPEDRIVE_API_TOKEN": ""}, "No Pipedrive API token is set. .* or set PIPEDRIVE_API_TOKEN."),
        (
            {"PIPEDRIVE_API_TOKEN": f"another-{TOKEN}"},
            "Pipedrive does not accept the API token. .* or set PIPEDRIVE_API_TOKEN. .*",
        ),
        (
            {"PIPEDRIVE_BASE_URL": f"http://127.0.0.1:{free_port()}"},
            "Pipedrive is not responding\\. .* Check that PIPEDRIVE_BASE_URL is right.*",
        ),
        *(
            ({"PIPEDRIVE_API_TOKEN": text}, "PIPEDRIVE_API_TOKEN is not an API token: .* Copy the token again. .*")
            for text in (f"{TOKEN} again", f"“{TOKEN}”", f"{TOKEN}\x07", "\udcff")
        ),
    ],
)
def test_the_doctor_finds_a_problem(at_sandbox: dict[str, str], more: dict[str, str], says: str) -> None:
    """Ends with 1; what is wrong and what to do is in one line, and the token in none."""
    done = warmline({**at_sandbox, **more}, "doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert re.fullmatch(f"problem  {says}", done.stdout.splitlines()[-1])
    assert TOKEN not in done.stdout


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("throttled", "Pipedrive asked for a pause between calls. Try again in a minute."),
        ("blocked", "Pipedrive's firewall is blocking this company for a while. Wait "),
        ("budget_spent", "The company has used up its Pipedrive API tokens for today. Pipedrive grants new tokens "),
        ("html_error", "Pipedrive is not responding. "),
    ],
)
def test_the_doctor_meets_trouble(at_sandbox: dict[str, str], sandbox: Sandbox, kind: str, says: str) -> None:
    """Whatever Pipedrive does, the doctor says it in words and ends with 1."""
    sandbox.faults.add(Fault.model_validate({"kind": kind}))
    try:
        done = warmline(at_sandbox, "doctor")
    finally:
        sandbox.faults.clear()
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1].startswith(f"problem  {says}")


def test_another_companys_token(tmp_path: Path) -> None:
    """The doctor says so, and both ways. Starting anew is told beforehand in numbers, and done only when asked for."""
    worlds = [World.sample(token=f"{TOKEN}-{number}", company_id=number) for number in (1, 2)]
    with serving(Sandbox(worlds[0])) as url, serving(Sandbox(worlds[1])) as other_url:
        env = environment(tmp_path, url, PIPEDRIVE_API_TOKEN=f"{TOKEN}-1")
        other = {**env, "PIPEDRIVE_BASE_URL": other_url, "PIPEDRIVE_API_TOKEN": f"{TOKEN}-2"}
        new_token(env, "alice@example.com")
        assert fails(warmline({**env, "PIPEDRIVE_API_TOKEN": ""}, "sync", "start-anew"), 1).startswith(
            "warmline: No Pipedrive API token is set."
        )
        with closing(sqlite3.connect(tmp_path / "warmline.sqlite3")) as database:
            database.execute("INSERT INTO sync_company VALUES (1, 1, 'Alder', 'alder', 0)")
            database.execute("INSERT INTO sync_connection VALUES (1, 'ok', '2026-01-01', '', NULL, 0)")
            database.execute("UPDATE crm_user SET pipedrive_user_id = 1")
            database.commit()

            assert fails(warmline(env, "sync", "start-anew"), 1) == (
                "warmline: Warmline already works with Alder & Finch Consulting (alderfinch), "
                "so there is no need to start over."
            )
            said = warmline(other, "doctor").stdout.splitlines()[-1]
            assert said.startswith("problem  The API token belongs to Birch & Wren Partners (birchwren), but ")
            assert "0 contacts, 0 organizations and 0 activities are linked." in said
            assert "Set PIPEDRIVE_API_TOKEN to a token of Alder (alder) and restart Warmline;" in said
            assert "`warmline sync start-anew`" in said

            done = warmline(other, "sync", "start-anew")
            assert (done.returncode, done.stderr) == (
                1,
                "warmline: nothing was changed. Use --yes to skip the question.\n",
            )
            assert "0 contacts, 0 organizations and 0 activities are linked to records in Alder" in done.stdout
            ids = "SELECT company_id, pipedrive_user_id FROM sync_company, crm_user"
            assert database.execute(ids).fetchall() == [(1, 1)]
            done = warmline(other, "sync", "start-anew", "--yes")
            assert (done.returncode, done.stderr) == (0, "")
            assert "Warmline starts over with Birch & Wren Partners (birchwren)." in done.stdout
            assert database.execute(ids).fetchall() == [(2, None)]
            assert warmline(other, "doctor").returncode == 0
            assert TOKEN not in done.stdout + said


def test_the_demo_ends_well() -> None:
    """It ends by itself, tells its story, and says whether all came in time, which a busy machine may not manage."""
    env = environment(Path("/dev/null/nowhere"), "http://127.0.0.1:9")
    done = warmline(env, "demo", "--exit")
    assert done.stderr == ""
    assert done.stdout.count("in Pipedrive after") == 4
    late = done.stdout.count("TOO LATE")
    assert done.returncode == (1 if late else 0)
    assert done.stdout.endswith("\nNot everything arrived in time.\n" if late else "\nEverything arrived in time.\n")
