"""Registers the webhooks, and listens to what they tell."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Webhooks to other programs."""

    name = "warmline.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        """Begin to listen."""
        from warmline.webhooks import recording  # noqa: PLC0415 (after the models)

        recording.connect()
