"""The commands that run something until it is stopped: server, worker, demo, sandbox."""

from typing import Annotated

import typer

from warmline import loading
from warmline.cli.commands import app, cannot_listen, fail, is_postgres, set_up


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
    set_up()
    from warmline import installation_warnings, schema
    from warmline.serve import serve as run

    if workers > 1 and not is_postgres():
        fail("warmline: several web processes need PostgreSQL. Set DATABASE_URL, or leave out --workers.")
    for warning in installation_warnings.warnings():
        typer.echo(f"warmline: {warning}", err=True)
    _begin(reconcile=reconcile)
    try:
        with schema.kept():
            run(host, port, workers)
    except schema.NotReadyError as error:
        fail(f"warmline: {error}")
    except OSError as error:
        cannot_listen(host, port, error)


def _begin(*, reconcile: bool = False) -> None:
    """Count a start, and say so if all links are to be checked before anything is sent."""
    from warmline.sync.remote import reconcile_first, restore_detection

    reason = restore_detection.begin()
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
    set_up()
    if not is_postgres():
        fail("warmline: workers need PostgreSQL; on SQLite, `warmline serve` does their work.")
    from warmline import schema
    from warmline.worker import Station

    _begin()
    try:
        with schema.kept():
            Station(interactive, batch).run()
    except schema.NotReadyError as error:
        fail(f"warmline: {error}")


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
    with loading.undisturbed():
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
        cannot_listen(host, port, error)
