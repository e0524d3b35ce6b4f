"""The commands for the database: to prepare it, and to move to another one."""

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
