"""When an audit began to read, by Pipedrive's clock."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "0022_activity_deletions")]

    operations = [
        migrations.AddField(model_name="audit", name="read_from", field=models.DateTimeField(null=True)),
    ]
