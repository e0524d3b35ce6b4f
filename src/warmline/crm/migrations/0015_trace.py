from django.db import migrations, models

import warmline.tracing

MODELS = ("contact", "organization", "activity")


class Migration(migrations.Migration):
    """Rows keep the id of the request that changed them. Without a default in the database, SQLite adds a column."""

    dependencies = [
        ("crm", "0014_marks_of_starts"),
    ]

    operations = [
        *(
            migrations.AddField(
                model_name=model, name="trace", field=models.CharField(editable=False, max_length=64, null=True)
            )
            for model in MODELS
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name=model,
                    name="trace",
                    field=models.CharField(default=warmline.tracing.present, editable=False, max_length=64, null=True),
                )
                for model in MODELS
            ]
        ),
    ]
