"""The command line: `warmline serve` and what an administrator needs beside it."""

from warmline.cli import database, long_running, sync, team
from warmline.cli.commands import app

__all__ = ["app", "database", "long_running", "main", "sync", "team"]


def main() -> None:
    """Run the command that the arguments name."""
    app(prog_name="warmline")
