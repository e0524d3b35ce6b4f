"""Note on a process's heartbeat that it alone does not reach Pipedrive."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0018_intent_set_back"),
    ]

    operations = [
        migrations.AddField(
            model_name="heartbeat",
            name="cut_off_since",
            field=models.DateTimeField(null=True),
        ),
    ]
