"""The limits of a token, for machines that share them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "0008_heartbeat")]

    operations = [
        migrations.CreateModel(
            name="RateLimits",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("figures", models.JSONField(default=dict)),
            ],
        ),
    ]
