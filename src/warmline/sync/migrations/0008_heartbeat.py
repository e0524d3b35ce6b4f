"""A process is known by a name of its own and its heartbeat, no longer by its host and process id."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "0007_order_of_arrival")]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("process", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
        ),
    ]
