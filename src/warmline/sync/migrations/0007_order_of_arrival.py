"""Notifications and attempts get their place in the order of arrival, which PostgreSQL's ids do not tell."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# A reader asks by place, and whether something came that has none yet. On SQLite, where none has one, nobody asks.
INDEXES = (
    "CREATE INDEX notification_place ON sync_notification (user_id, place)",
    "CREATE INDEX notification_newest ON sync_notification (place)",
    "CREATE INDEX notification_new ON sync_notification (id) WHERE place IS NULL",
    "CREATE INDEX attempt_place ON sync_attempt (place)",
    "CREATE INDEX attempt_new ON sync_attempt (id) WHERE place IS NULL",
)


def number(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Number what is there; its ids are what readers have gone on behind by now."""
    if editor.connection.vendor == "postgresql":
        editor.execute("UPDATE sync_notification SET place = id")
        editor.execute("UPDATE sync_attempt SET place = id")


def index(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Add the indexes."""
    if editor.connection.vendor == "postgresql":
        for statement in INDEXES:
            editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("sync", "0006_lease")]

    operations = [
        migrations.AddField("attempt", "place", models.BigIntegerField(editable=False, null=True)),
        migrations.AddField("notification", "place", models.BigIntegerField(editable=False, null=True)),
        migrations.RunPython(number, migrations.RunPython.noop),
        migrations.RunPython(index, migrations.RunPython.noop),
    ]
