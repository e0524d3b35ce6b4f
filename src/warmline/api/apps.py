"""Registers the JSON API."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The JSON API."""

    name = "warmline.api"
    label = "api"
