from typing import Any

from django.db import migrations, models
import django.utils.timezone


def keep_what_forms_made(apps: Any, _: Any) -> None:
    """Bring over what forms have made within the last day: someone may be about to press again."""
    kept = apps.get_model("crm", "KeptAnswer")
    rows = [
        kept(scope=f"user:{saved.user_id}", key=str(saved.key), answer={"row_id": saved.row_id}, at=saved.at)
        for saved in apps.get_model("crm", "Saved").objects.all()
    ]
    kept.objects.bulk_create(rows, batch_size=100)


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0007_external_ids"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("scope", models.CharField(max_length=40)),
                ("key", models.CharField(max_length=300)),
                ("request", models.CharField(blank=True, default="", max_length=64)),
                ("answer", models.JSONField(null=True)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["scope", "at"], name="kept_answer_of_scope"),
                    models.Index(fields=["at"], name="kept_answer_at"),
                ],
                "constraints": [models.UniqueConstraint(fields=("scope", "key"), name="kept_answer_once")],
            },
        ),
        migrations.RunPython(keep_what_forms_made, migrations.RunPython.noop),
        migrations.DeleteModel(name="Saved"),
    ]
