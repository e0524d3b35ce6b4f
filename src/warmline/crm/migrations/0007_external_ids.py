from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0006_imports_accounted_for"),
    ]

    operations = [
        migrations.CreateModel(
            name="ExternalId",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=20)),
                ("source", models.CharField(max_length=64)),
                ("external_id", models.CharField(max_length=255)),
                (
                    "activity",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="external_ids",
                        to="crm.activity",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="external_ids",
                        to="crm.contact",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="external_ids",
                        to="crm.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "source", "external_id"), name="external_id_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("activity", None), ("contact__isnull", False), ("kind", "contact"), ("organization", None)
                        )
                        | models.Q(
                            ("activity", None),
                            ("contact", None),
                            ("kind", "organization"),
                            ("organization__isnull", False),
                        )
                        | models.Q(
                            ("activity__isnull", False), ("contact", None), ("kind", "activity"), ("organization", None)
                        ),
                        name="external_id_of_one_row",
                    ),
                ],
            },
        ),
    ]
