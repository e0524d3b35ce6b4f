"""Registers the contact book with Django."""

from django.apps import AppConfig


class CrmConfig(AppConfig):
    """The contact book."""

    name = "warmline.crm"
    label = "crm"
