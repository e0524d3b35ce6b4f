"""Registers the tables of the sync with Django, and connects it to the contact book's signals."""

from django.apps import AppConfig


class SyncConfig(AppConfig):
    """The sync."""

    name = "warmline.sync"
    label = "sync"

    def ready(self) -> None:
        """Listen to the contact book; on PostgreSQL, make jobs of what it says."""
        from django.db import connection  # noqa: PLC0415 (as below)

        # Tables beside models.py, which comes first.
        from warmline.sync import (  # noqa: PLC0415 (as below)
            account_models,  # noqa: F401 (for its tables, as those that follow)
            audit_models,  # noqa: F401
            deletion_models,  # noqa: F401
            installation_models,  # noqa: F401
            monitoring_models,  # noqa: F401
        )
        from warmline.sync.engine import signals  # noqa: PLC0415 (it imports models, which are not there before this moment)

        signals.connect()
        if connection.vendor == "postgresql":
            from warmline.sync.jobs import jobs_on_save  # noqa: PLC0415 (it needs Procrastinate, which SQLite does without)

            jobs_on_save.connect()
