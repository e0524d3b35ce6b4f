"""On PostgreSQL, whoever writes what open pages show tells all processes with the same transaction."""

from typing import Any

from django.db import migrations

ON = """
CREATE FUNCTION warmline_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('warmline_events', '');
    RETURN NULL;
END;
$$;
CREATE TRIGGER warmline_tell AFTER INSERT ON sync_attempt FOR EACH STATEMENT EXECUTE FUNCTION warmline_tell();
CREATE TRIGGER warmline_tell AFTER INSERT ON sync_notification FOR EACH STATEMENT EXECUTE FUNCTION warmline_tell();
CREATE TRIGGER warmline_tell AFTER UPDATE OF state ON sync_connection
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION warmline_tell();
"""
OFF = """
DROP TRIGGER warmline_tell ON sync_connection;
DROP TRIGGER warmline_tell ON sync_notification;
DROP TRIGGER warmline_tell ON sync_attempt;
DROP FUNCTION warmline_tell();
"""


def _on(_apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(ON)


def _off(_apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(OFF)


class Migration(migrations.Migration):
    dependencies = [("sync", "0009_ratelimits")]

    operations = [migrations.RunPython(_on, _off)]
