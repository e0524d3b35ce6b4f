"""Registers the contact book with Django."""

from django.apps import AppConfig


class CrmConfig(AppConfig):
    """The contact book."""

    name = "warmline.crm"
    label = "crm"

    def ready(self) -> None:
        """Have Django know the tables that are kept beside their rules, and not in models.py."""
        from warmline.crm import activities, guess_limits, idempotency, tokens  # noqa: F401, PLC0415 (after models.py)
        from warmline.crm.imports import runs  # noqa: F401, PLC0415 (as above)
