"""The command line: `warmline serve` and what an administrator needs beside it.

Each command says in one line what went wrong and ends with 1; wrong usage ends with 2.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from warmline import cli_data
from warmline.cli_setup import fail as _fail
from warmline.cli_setup import is_postgres as _is_postgres
from warmline.cli_setup import set_up as _set_up

app = typer.Typer(
    help="A small team's contact book that stays in sync with Pipedrive.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables could show the token
    add_completion=False,
)
users = typer.Typer(help="Team members.", no_args_is_help=True)
sync = typer.Typer(help="Sync status and retries.", no_args_is_help=True)
explaining = typer.Typer(help="Explain the state of a record.", no_args_is_help=True)
app.add_typer(cli_data.commands)
app.add_typer(users, name="user")
app.add_typer(sync, name="sync")
app.add_typer(explaining, name="explain")


def main() -> None:
    """Run the command that the arguments name."""
    app(prog_name="warmline")


def _cannot_listen(host: str, port: int, error: OSError) -> NoReturn:
    reason, _, _ = str(error.strerror).partition(" (")  # asyncio's and socket's own additions say the address again
    _fail(f"warmline: cannot listen on {host} port {port}: {reason}. Choose another with --host and --port.")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Web processes; more than one needs PostgreSQL.")] = 1,
    reconcile: Annotated[
        bool, typer.Option("--reconcile", help="Check all links to Pipedrive before anything is sent.")
    ] = False,
) -> None:
    """Serve the pages and the API, and send warm contacts to Pipedrive; on PostgreSQL, `worker` does the latter."""
    _set_up()
    from warmline import installation, schema
    from warmline.serve import serve as run

    if workers > 1 and not _is_postgres():
        _fail("warmline: several web processes need PostgreSQL. Set DATABASE_URL, or leave out --workers.")
    for warning in installation.warnings():
        typer.echo(f"warmline: {warning}", err=True)
    _begin(reconcile=reconcile)
    try:
        with schema.kept():
            run(host, port, workers)
    except schema.NotReadyError as error:
        _fail(f"warmline: {error}")
    except OSError as error:
        _cannot_listen(host, port, error)


def _begin(*, reconcile: bool = False) -> None:
    """Count a start, and say so if all links are to be checked before anything is sent."""
    from warmline.sync.remote import reconcile_first, starts

    reason = starts.begin()
    if reconcile and not reason:
        reason = reconcile_first.ON_REQUEST
        reconcile_first.begin(reason)
    if reason:
        typer.echo(f"warmline: {reason} Each link to Pipedrive is checked before anything is sent.", err=True)


@app.command()
def worker(
    interactive: Annotated[
        int, typer.Option(min=1, max=64, help="Records that people wait for, synced side by side.")
    ] = 4,
    batch: Annotated[int, typer.Option(min=1, max=64, help="Other records, synced beside them.")] = 4,
) -> None:
    """Send contacts and activities to Pipedrive, on PostgreSQL, and run imports; on as many machines as you like."""
    _set_up()
    if not _is_postgres():
        _fail("warmline: workers need PostgreSQL; on SQLite, `warmline serve` does their work.")
    from warmline import schema
    from warmline.worker import Station

    _begin()
    try:
        with schema.kept():
            Station(interactive, batch).run()
    except schema.NotReadyError as error:
        _fail(f"warmline: {error}")


@app.command()
def demo(
    exit: Annotated[
        bool, typer.Option("--exit", help="Exit when done; status 0 only if everything arrived in time.")
    ] = False,
) -> None:
    """Show Warmline at work on this machine, with a sandbox Pipedrive, one contact and its activities."""
    from warmline.demo import run

    raise typer.Exit(run(stay=not exit))


@app.command()
def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on; keep it on this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 9000,
    token: Annotated[str, typer.Option(help="The API token to call it with.")] = "sandbox-token",
    search_delay: Annotated[float, typer.Option(min=0, help="Seconds until search finds a new record.")] = 0.0,
    latency: Annotated[
        float, typer.Option(min=0, help="Seconds that each call takes, half of them before the call is processed.")
    ] = 0.0,
    jitter: Annotated[float, typer.Option(min=0, help="Up to this many seconds more, at random.")] = 0.0,
    company: Annotated[
        int, typer.Option(min=1, metavar="ID", help="Simulate another company, with overlapping ids.")
    ] = 1,
) -> None:
    """Run a simulated Pipedrive on this machine, for trying things out."""
    from warmline.sandbox import serve as run

    try:
        run(
            host=host,
            port=port,
            token=token,
            search_delay=search_delay,
            latency=latency,
            latency_jitter=jitter,
            company_id=company,
        )
    except OSError as error:
        _cannot_listen(host, port, error)


@users.command("add")
def add_user(
    email: Annotated[
        str, typer.Argument(metavar="EMAIL", help="Used to sign in, and to find the member in Pipedrive.")
    ],
    name: Annotated[str, typer.Option(help="The name that colleagues see.")],
    admin: Annotated[bool, typer.Option("--admin", help="Can see everyone's contacts.")] = False,
    machine: Annotated[
        bool, typer.Option("--machine", help="A program: it cannot sign in, and adds the contacts of others.")
    ] = False,
    time_zone: Annotated[str, typer.Option(help="For example Europe/Berlin; default: WARMLINE_TIME_ZONE.")] = "",
) -> None:
    """Add a team member. The password is prompted for, or read from standard input; a program has none."""
    _set_up()
    from django.conf import settings
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from warmline.crm.users import User
    from warmline.crm.validation_messages import reworded

    if machine and admin:
        _fail("warmline: a program cannot be an admin. Leave out --machine or --admin.")
    password: str | None = None
    if machine:
        pass
    elif sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        if password is not None:
            validate_password(password)
    except ValidationError as error:
        _fail(f"warmline: {' '.join(reworded(error).messages)}")
    zone = time_zone or settings.DEFAULT_TIME_ZONE
    try:
        user = User.objects.create_user(email, name, password, is_admin=admin, is_machine=machine, time_zone=zone)
    except ValidationError as error:
        _fail("\n".join(f"warmline: {text}" for text in error.messages))
    typer.echo(
        f"{user.name} <{user.email}> is {'an admin' if admin else 'a program' if machine else 'a member'} of the team."
    )


@app.command()
def token(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The member whom the token acts for.")],
    name: Annotated[str, typer.Option(help="Its purpose, shown on the profile page.")] = "Created on the command line",
    rights: Annotated[str, typer.Option(help="read, write or admin: everything that the user may do.")] = "admin",
    days: Annotated[int, typer.Option(min=0, max=36_500, help="Days until it expires; 0: never.")] = 0,
) -> None:
    """Create an API token and print only that. It is not shown again."""
    _set_up()
    from django.utils import timezone

    from warmline.crm.fields import NAME_LENGTH
    from warmline.crm.tokens import Rights, issue
    from warmline.crm.users import User

    if len(name) > NAME_LENGTH:
        _fail(f"warmline: the name can have at most {NAME_LENGTH} characters.")
    if rights not in Rights.values:
        _fail(f"warmline: --rights must be one of {', '.join(Rights.values)}.")
    user = User.objects.known_as(email).filter(is_active=True).first()
    if user is None:
        _fail(f"warmline: no team member has the e-mail {email}. Add one with `warmline user add`.")
    expires_at = timezone.now() + timedelta(days=days) if days else None
    typer.echo(issue(user, name, rights=rights, expires_at=expires_at))


@sync.command("status")
def sync_status() -> None:
    """Show the connection, and how many rows are waiting, in progress and failed."""
    _set_up()
    from django.utils import timezone

    from warmline.sync.policy import Policy
    from warmline.sync.remote import connection_health
    from warmline.sync.row_state import counts
    from warmline.sync.status import budget, restore_report

    status = connection_health.status()
    typer.echo(f"connection   {status.state}: {status.message}")
    for state, number in counts(None, threshold=Policy.current().threshold, now=timezone.now()).items():
        typer.echo(f"{state:12} {number}")
    for line in (*restore_report.lines(timezone.now()), *budget.lines(timezone.now())):
        typer.echo(line)


@sync.command("retry")
def sync_retry() -> None:
    """Retry all failed rows now. A running server picks them up within a second."""
    _set_up()
    from warmline.sync.status.retry_and_choose import retry_all

    number = retry_all(None)
    typer.echo("Nothing to retry." if not number else f"Retrying {number} row{'' if number == 1 else 's'}.")


@sync.command("start-anew")
def sync_start_anew(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Drop all links to the company of an earlier token, and start over with the company of the current one."""
    _set_up()
    from warmline.sync.company import name_of
    from warmline.sync.remote import company_switch, setup

    try:
        ours, me = setup.to_start_anew()
        typer.echo("\n".join(company_switch.told_beforehand(ours, me)))
        if not yes and not (sys.stdin.isatty() and typer.confirm(f"Start over with {name_of(me)}?")):
            _fail("warmline: nothing was changed. Use --yes to skip the question.")
        setup.start_anew()
    except setup.CannotConnectError as error:
        _fail(f"warmline: {error}")
    typer.echo(f"Warmline starts over with {name_of(me)}. A running server follows within a second.")


@explaining.command("contact")
def explain_contact(contact_id: Annotated[int, typer.Argument(metavar="ID", help="The contact's ID.")]) -> None:
    """Explain why a contact is, or is not, in Pipedrive."""
    _set_up()
    from warmline.crm.models import Contact
    from warmline.sync.policy import Policy
    from warmline.sync.status.contact_report import report

    try:
        lines = report(contact_id, Policy.current())
    except Contact.DoesNotExist:
        _fail(f"warmline: there is no contact {contact_id}.")
    typer.echo("\n".join(lines))


@app.command()
def doctor() -> None:
    """Check company, token and rights, label, fields, activity types, clock, plan and tokens."""
    _set_up()
    from django.conf import settings

    from warmline import installation, storage
    from warmline.sync import engine_health
    from warmline.sync.policy import Policy
    from warmline.sync.remote.doctor import examination
    from warmline.web.public_address import PUBLIC_ADDRESS

    matter = storage.present()
    where = f"The data is in {Path(settings.DATA_DIR)}."
    typer.echo(f"problem  {where} {storage.WORDS[matter]}" if matter else f"ok       {where}")
    advice = "" if settings.PUBLIC_URL else " Set WARMLINE_PUBLIC_URL to the address that people use."
    typer.echo(
        f"{'warning' if PUBLIC_ADDRESS.is_doubtful else 'ok':8} Links lead to {PUBLIC_ADDRESS.origin()}.{advice}"
    )
    problems = [*installation.warnings(), *([] if engine_health.since() is None else [engine_health.message()])]
    for problem in problems:
        typer.echo(f"problem  {problem}")
    well = matter is None and not problems
    for finding in examination(Policy.current()):
        typer.echo(f"{'ok' if finding.well else 'problem':8} {finding.text}")
        well = well and finding.well
    raise typer.Exit(0 if well else 1)
