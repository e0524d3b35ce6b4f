"""The commands about the sync: its status, why something is not in Pipedrive, and what to do about it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from warmline.cli.commands import app, explaining, fail, set_up, sync


@sync.command("status")
def sync_status() -> None:
    """Show the connection, and how many rows are waiting, in progress and failed."""
    set_up()
    from django.utils import timezone

    from warmline.sync.policy import Policy
    from warmline.sync.remote import connection_health
    from warmline.sync.row_state import counts
    from warmline.sync.status import budget, deletions, restore_report

    status = connection_health.status()
    typer.echo(f"connection   {status.state}: {status.message}")
    for state, number in counts(None, threshold=Policy.current().threshold, now=timezone.now()).items():
        typer.echo(f"{state:12} {number}")
    if still_there := sum(deletions.counts().values()):
        typer.echo(f"still there  {still_there}, deleted here and to be deleted in Pipedrive")
    for line in (*restore_report.lines(timezone.now()), *budget.lines(timezone.now())):
        typer.echo(line)


@sync.command("retry")
def sync_retry() -> None:
    """Retry all failed rows now. A running server picks them up within a second."""
    set_up()
    from warmline.sync.status.retry_and_choose import retry_all

    number = retry_all(None)
    typer.echo("Nothing to retry." if not number else f"Retrying {number} row{'' if number == 1 else 's'}.")


@sync.command("start-anew")
def sync_start_anew(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Drop all links to the company of an earlier token, and start over with the company of the current one."""
    set_up()
    from warmline.sync.company import name_of
    from warmline.sync.remote import company_switch, setup

    try:
        ours, me = setup.to_start_anew()
        typer.echo("\n".join(company_switch.told_beforehand(ours, me)))
        if not yes and not (sys.stdin.isatty() and typer.confirm(f"Start over with {name_of(me)}?")):
            fail("warmline: nothing was changed. Use --yes to skip the question.")
        setup.start_anew()
    except setup.CannotConnectError as error:
        fail(f"warmline: {error}")
    typer.echo(f"Warmline starts over with {name_of(me)}. A running server follows within a second.")


@explaining.command("contact")
def explain_contact(contact_id: Annotated[int, typer.Argument(metavar="ID", help="The contact's ID.")]) -> None:
    """Explain why a contact is, or is not, in Pipedrive."""
    set_up()
    from warmline.crm.models import Contact
    from warmline.sync.policy import Policy
    from warmline.sync.status.contact_report import report

    try:
        lines = report(contact_id, Policy.current())
    except Contact.DoesNotExist:
        fail(f"warmline: there is no contact {contact_id}.")
    typer.echo("\n".join(lines))


@app.command()
def doctor() -> None:
    """Check company, token and rights, label, fields, activity types, clock, plan and tokens."""
    set_up()
    from django.conf import settings

    from warmline import installation_warnings, storage
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
    problems = [
        *installation_warnings.warnings(),
        *([] if engine_health.since() is None else [engine_health.message()]),
    ]
    for problem in problems:
        typer.echo(f"problem  {problem}")
    well = matter is None and not problems
    for finding in examination(Policy.current()):
        typer.echo(f"{'ok' if finding.well else 'problem':8} {finding.text}")
        well = well and finding.well
    raise typer.Exit(0 if well else 1)


@app.command()
def audit(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what needs no person's decision.")] = False,
) -> None:
    """Compare everything with Pipedrive. Exit status: 0 all is well, 1 there are problems, 3 it is not finished."""
    set_up()
    from warmline.sync.audit.command import NotConnectedError, run

    try:
        outcome = run(repair=repair, say=typer.echo)
    except NotConnectedError as error:
        fail(f"warmline: {error}")
    raise typer.Exit(outcome)
