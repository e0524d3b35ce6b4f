"""On PostgreSQL keys sort by code point, whatever the server's collation: as in Python, and as on SQLite.

Lists are sorted here and there, and go on behind a key; two orders would lose rows between two pages. The model knows
nothing of it, because SQLite has no collation of that name and needs none.
"""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from warmline import database_time

KEYS = (
    ("crm_contact", "name_key", "text"),
    ("crm_contact", "email_key", "text"),
    ("crm_organization", "name_key", "text"),
    ("crm_user", "email_key", "varchar(254)"),
)


def sort_by_code_point(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Give each key PostgreSQL's collation "C"."""
    if editor.connection.vendor == "postgresql":
        for table, column, type_ in KEYS:
            editor.execute(f'ALTER TABLE {table} ALTER COLUMN {column} TYPE {type_} COLLATE "C"')


def due_from_now_on(model: str) -> migrations.AlterField:
    """Return the change of a default, which is no matter of the database's."""
    field = models.DateTimeField(default=database_time.now)
    return migrations.AlterField(model, "next_pipedrive_sync_attempt", field)


class Migration(migrations.Migration):
    dependencies = [("crm", "0004_importrun_partial")]

    operations = [
        migrations.RunPython(sort_by_code_point, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            state_operations=[due_from_now_on(model) for model in ("activity", "contact", "organization")],
        ),
    ]
