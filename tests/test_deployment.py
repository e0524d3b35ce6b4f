"""The files of docs/production.md say what the program knows: commands, options, settings, addresses and files."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import resolve
from postgres_cluster import new_database
from programs import environment, free_port
from typer.main import get_command

from warmline.cli import app
from warmline.environment import VARIABLES, Environment

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
OURS = ("migrate", "web", "worker")
OF_COMPOSE = {"POSTGRES_PASSWORD"}  # which the program never sees by that name
SETTINGS = {variable.name for variable in VARIABLES} | {f"{each.name}_FILE" for each in VARIABLES if each.secret}
NOT_ROOT = re.compile(r"^USER [1-9]\d*$", re.MULTILINE)
PATIENCE = 300  # seconds


def _unit(file: Path) -> dict[str, list[str]]:
    """Return the values of each key of a unit's service."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
    parser.read(file, encoding="utf-8")
    return {name: value.splitlines() for name, value in parser["Service"].items()}


def _commands() -> Iterator[tuple[str, list[str]]]:
    """Yield what follows `warmline` wherever these files start it, with the place."""
    for file in UNITS:
        (command,) = _unit(file)["ExecStart"]
        program, *words = shlex.split(command)
        assert program == "/opt/warmline/bin/warmline"
        yield file.name, words
    for name in OURS:
        yield f"compose.yaml {name}", COMPOSE["services"][name]["command"]
    (words,) = re.findall(r"^CMD (\[.*\])$", CONTAINERFILE, re.MULTILINE)
    yield "Containerfile", yaml.safe_load(words)
    for line in re.findall(r"(?:`|/bin/)warmline ([^`\n&)|]+)", PAGE):
        yield "docs/production.md", shlex.split(line, comments=True)


@pytest.mark.parametrize(("place", "words"), list(_commands()), ids=str)
def test_a_command(place: str, words: list[str]) -> None:
    """It exists, and so do its options; `--help` tells, and nothing is run."""
    command: Any = get_command(app)
    path: list[str] = []
    while hasattr(command, "commands"):
        path.append(words[len(path)])
        command = command.commands[path[-1]]
    options = {name for each in command.params for name in each.opts}
    assert {word for word in words if word.startswith("--")} <= options, place


def test_the_settings() -> None:
    """Each that is named is one of the program's, the examples can be used as they are, and secrets are left empty."""
    named = set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", EXAMPLE, re.MULTILINE))
    named |= {name for service in OURS for name in COMPOSE["services"][service]["environment"]}
    named |= {each.partition("=")[0] for file in UNITS for each in _unit(file)["Environment"]}
    named |= set(re.findall(r"\bWARMLINE_[A-Z_]+|\bDATABASE_URL[A-Z_]*|\bPIPEDRIVE_[A-Z_]+", PAGE + CONTAINERFILE))
    assert named - OF_COMPOSE <= SETTINGS
    given = dict(re.findall(r"^([A-Z][A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    Environment(given)
    also = dict(re.findall(r"^# ([A-Z][A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    Environment(also)
    assert {name for name, value in given.items() if not value} >= {"POSTGRES_PASSWORD", "WARMLINE_SECRET_KEY"}


def test_the_image() -> None:
    """It is made of files that exist, whatever the context leaves out, and runs as nobody in particular."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"
    sources = [
        name for line in re.findall(r"^COPY (?!--)(.*) \S+$", CONTAINERFILE, re.MULTILINE) for name in line.split()
    ]
    assert sources
    for name in sources:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored
    assert NOT_ROOT.search(CONTAINERFILE.rpartition("\nFROM ")[2])


def test_the_services() -> None:
    """One image; web and worker wait for who migrates; the web process is this machine's, and its proxy is named."""
    services = COMPOSE["services"]
    assert len({services[name]["image"] for name in OURS}) == 1
    for name in ("web", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
        assert services[name]["restart"] == "unless-stopped"
    assert services["migrate"]["restart"] == "no"
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]
    assert all("ports" not in each for name, each in services.items() if name != "web")
    (network,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    assert {services[name]["environment"]["WARMLINE_PROXIES"] for name in OURS} == {network["gateway"]}


@pytest.mark.parametrize("file", UNITS, ids=lambda file: file.name)
def test_a_unit(file: Path) -> None:
    """It runs as its own user, may change nothing but its folder, and starts again if it is to stay."""
    unit = _unit(file)
    assert unit["User"] == ["warmline"]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["NoNewPrivileges"] == ["yes"]
    assert unit["CapabilityBoundingSet"] == []
    assert unit["Type"] == ["oneshot"] or unit["Restart"] == ["always"]
    assert f"{file.name}" in PAGE


def test_systemd_can_read_the_units(tmp_path: Path) -> None:
    """As far as a machine can tell that has none of our users and programs."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("NOT RUN: systemd-analyze is missing. Install it: apt-get install systemd")
    for file in UNITS:
        text = file.read_text(encoding="utf-8").replace("/opt/warmline/bin/warmline", "/bin/true")
        (tmp_path / file.name).write_text(text.replace("User=warmline", "User=root"), encoding="utf-8")
    files = [str(tmp_path / file.name) for file in UNITS]
    done = subprocess.run([program, "verify", *files], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.stderr == ""


def test_the_proxies() -> None:
    """They lead to the port of web, take a file to import, and know where the stream of events is."""
    nginx, caddy = ((ROOT / "deploy" / name).read_text(encoding="utf-8") for name in ("nginx.conf", "Caddyfile"))
    assert {"127.0.0.1:8000"} == set(re.findall(r"127\.0\.0\.1:\d+", nginx + caddy))
    (streams,) = re.findall(r"location = (\S+)", nginx)
    assert resolve(streams).url_name == "events"
    for header in ("Host $host", "X-Forwarded-For $remote_addr", "X-Forwarded-Proto $scheme"):
        assert nginx.count(f"proxy_set_header {header};") == nginx.count("proxy_pass ")
    assert nginx.count("{") == nginx.count("}")
    assert "`deploy/nginx.conf` and `deploy/Caddyfile`" in PAGE


@pytest.mark.only_on("postgres")
def test_by_hand_ends_with_a_contact_in_the_sandbox(tmp_path: Path) -> None:
    """The page's own commands, but for what is installed already, on other ports."""
    (block,) = re.findall(r"^```console\n(\$ export.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    script = re.sub(r"^\$ ", "", block, flags=re.MULTILINE)
    script = re.sub(r"^(python3 -m venv|production/bin/pip).*\n", "", script, flags=re.MULTILINE)
    script = script.replace("production/bin/warmline", f"{sys.executable} -m warmline").replace(
        "$PWD/data", str(tmp_path)
    )
    script = script.replace("9000", str(free_port())).replace("8000", str(free_port())).replace("sleep 5", "sleep 30")
    with new_database() as url:
        env = {**environment(tmp_path, ""), "DATABASE_URL": url, "PATH": os.environ["PATH"]}
        env = {name: value for name, value in env.items() if not name.startswith(("WARMLINE_", "PIPEDRIVE_"))}
        script = f"trap 'kill $(jobs -p); wait' EXIT\n{script}"
        done = subprocess.run(
            ["bash", "-c", script], env=env, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    persons = done.stdout.splitlines()[-1]
    assert '"name":"Jordan Ames"' in persons.replace('": "', '":"'), done.stdout + done.stderr
