"""What the engine remembers by keys, after crm.0002 made them anew.

The directory holds hashes, which tell nothing of what they were made of, so it is listed once more, for as many tokens as
at first: else it would call records missing that are there. What it knows stays true, and serves beside the search
until the list is read.
"""

from typing import Any

from django.db import migrations

from warmline.crm.keys import email_key, key


def name_anew(apps: Any, _editor: Any) -> None:
    """Have the directory listed again, and unfinished creates found under the new keys."""
    apps.get_model("sync", "DirectoryState").objects.all().delete()
    organizations = apps.get_model("crm", "Organization").objects
    intents = apps.get_model("sync", "Intent").objects
    for intent in intents.all():
        emails = intent.body.get("emails") or [] if intent.what.startswith("person:") else []
        if emails:
            intents.filter(pk=intent.pk).update(what=f"person:{email_key(emails[0]['value'])}")
        elif intent.what.startswith("organization:"):
            name = key(intent.what.removeprefix("organization:"))
            intents.filter(pk=intent.pk).update(what=f"organization:{name}")
            row, own = organizations.filter(name_key=name).first(), intent.key.removeprefix("organization ")
            is_gone = own.isdecimal() and not organizations.filter(pk=own).exists()
            if is_gone and row is not None and not intents.filter(key=f"organization {row.pk}").exists():
                intents.filter(pk=intent.pk).update(key=f"organization {row.pk}")  # they were made one
    gone = apps.get_model("sync", "Attempt").objects.filter(kind="organization")
    gone.exclude(row_id__in=organizations.values("pk")).delete()


class Migration(migrations.Migration):
    dependencies = [("sync", "0003_directory_failures"), ("crm", "0002_keys_without_what_is_not_seen")]

    operations = [migrations.RunPython(name_anew, migrations.RunPython.noop)]
