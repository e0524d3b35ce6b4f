"""Registers the tables of the sync with Django, and connects it to the contact book's signals."""

from django.apps import AppConfig


class SyncConfig(AppConfig):
    """The sync."""

    name = "warmline.sync"
    label = "sync"

    def ready(self) -> None:
        """Listen to the contact book."""
        from warmline.sync.engine import signals  # noqa: PLC0415 (it imports models, which are not there before this moment)

        signals.connect()
