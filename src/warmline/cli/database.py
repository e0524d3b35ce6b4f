"""The commands about the data as a whole: prepare it for a version, move it, back it up and restore it."""

from pathlib import Path
from typing import Annotated

import typer

from warmline.cli.commands import app, fail, is_postgres, set_up


@app.command()
def migrate() -> None:
    """Prepare the database for this version. On PostgreSQL nothing else does; SQLite is prepared by every command."""
    set_up(migrates=True)
    typer.echo("The database is ready.")


@app.command("move-to-postgres")
def move_to_postgres() -> None:
    """Move everything from the data folder's SQLite file to the empty PostgreSQL that DATABASE_URL names."""
    set_up()
    if not is_postgres():
        fail("warmline: set DATABASE_URL to the PostgreSQL that everything is to be moved to.")
    from warmline.move_to_postgres import CannotMoveError, move

    try:
        typer.echo("\n".join(move()))
    except CannotMoveError as error:
        fail(f"warmline: nothing was moved: {error}")


@app.command()
def backup(file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")]) -> None:
    """Write everything that the database holds to a file, while Warmline runs. The secret key is not in it."""
    set_up()
    from warmline.backup.archive import CannotBackUpError
    from warmline.backup.commands import back_up

    try:
        typer.echo("\n".join(back_up(file)))
    except CannotBackUpError as error:
        fail(f"warmline: there is no backup: {error}")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `warmline backup` made.")],
    replace: Annotated[bool, typer.Option("--replace", help="Also in place of a team's data.")] = False,
) -> None:
    """Restore a backup. Before anything is sent again, each link to Pipedrive is checked."""
    set_up(prepares=False)
    from django.db.utils import DatabaseError

    from warmline.backup.archive import CannotRestoreError
    from warmline.backup.commands import restore as run

    try:
        typer.echo("\n".join(run(file, replace=replace)))
    except (CannotRestoreError, DatabaseError) as error:
        fail(f"warmline: nothing was restored: {error}")
