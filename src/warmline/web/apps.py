"""Registers the pages."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The pages that people work in."""

    name = "warmline.web"
    label = "web"
