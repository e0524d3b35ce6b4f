"""Registers the contact book with Django."""

from django.apps import AppConfig


class CrmConfig(AppConfig):
    """The contact book."""

    name = "warmline.crm"
    label = "crm"

    def ready(self) -> None:
        """Have Django know the tables that are kept beside their rules, and not in models.py."""
        from warmline.crm import (  # noqa: PLC0415 (after models.py)
            activities,  # noqa: F401
            calendar_feeds,  # noqa: F401
            change_feed,  # noqa: F401
            external_ids,  # noqa: F401
            guess_limits,  # noqa: F401
            idempotency,  # noqa: F401
            tokens,  # noqa: F401
            undo,  # noqa: F401
        )
        from warmline.crm.imports import runs  # noqa: F401, PLC0415 (as above)
