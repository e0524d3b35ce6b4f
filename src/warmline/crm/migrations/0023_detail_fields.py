from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0022_delete_there"),
    ]

    operations = [
        migrations.AddField(
            model_name="storedpreferences",
            name="detail_fields",
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
