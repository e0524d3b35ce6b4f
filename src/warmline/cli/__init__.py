"""The command line: `warmline serve` and what an administrator needs beside it."""

from warmline.cli import database, programs, sync, team
from warmline.cli.commands import app

__all__ = ["app", "database", "main", "programs", "sync", "team"]


def main() -> None:
    """Run the command that the arguments name."""
    app(prog_name="warmline")
