"""PostgreSQL learns which columns depend on each other.

What is warm is linked, and what belongs in Pipedrive is there, but for a few rows. Without knowing that, it takes the few
that are open for a quarter of the table, and reads all of it to find them.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

STATISTICS = (
    "CREATE STATISTICS contact_open (mcv) ON warmness_score, pipedrive_person_id FROM crm_contact",
    "CREATE STATISTICS contact_in_line (mcv) ON revision, pipedrive_revision FROM crm_contact",
    "CREATE STATISTICS activity_open (mcv) ON replicate, replicated_to_pipedrive FROM crm_activity",
    "CREATE STATISTICS organization_open (mcv) ON pipedrive_asked_for, pipedrive_org_id FROM crm_organization",
)


def learn(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Have the next ANALYZE, which PostgreSQL runs by itself, count them together."""
    if editor.connection.vendor == "postgresql":
        for statement in STATISTICS:
            editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("crm", "0010_token_rights_and_machines")]

    operations = [migrations.RunPython(learn, migrations.RunPython.noop)]
