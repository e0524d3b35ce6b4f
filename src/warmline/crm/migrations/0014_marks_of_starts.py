from django.db import migrations, models

import warmline.crm.marks


class Migration(migrations.Migration):
    """Marks are made by another function. No column changes, and SQLite would make both tables anew for nothing."""

    dependencies = [
        ("crm", "0013_words_of_phones"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name=model,
                    name="warmline_id",
                    field=models.UUIDField(default=warmline.crm.marks.new_mark, editable=False, unique=True),
                )
                for model in ("contact", "organization")
            ]
        ),
    ]
