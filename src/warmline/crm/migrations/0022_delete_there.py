"""Whether an activity that is deleted here is deleted in Pipedrive too, and whose records were found there."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0021_morning_mail"),
    ]

    operations = [
        migrations.AddField(
            model_name="activity",
            name="pipedrive_adopted",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AddField(
            model_name="storedpreferences",
            name="delete_there",
            field=models.BooleanField(blank=True, null=True),
        ),
    ]
