"""The company to which the links belong; an upgraded installation takes it from what is remembered of the account."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def remember_company(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    """Name the company that the engine has met last, else the one of the token that was given on the settings page.

    Neither has the company's id. It is filled in when the company answers.
    """
    remembered = apps.get_model("sync", "Remembered").objects.filter(name="me").first()
    preferences = apps.get_model("crm", "StoredPreferences").objects.filter(pk=1).first()
    accounts = [*(remembered.value if remembered else ()), preferences.pipedrive_account if preferences else {}]
    for account in accounts:
        if account.get("company_domain"):
            name, domain = account.get("company_name", ""), account["company_domain"]
            apps.get_model("sync", "Company").objects.create(pk=1, name=name, domain=domain)
            return


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0001_initial"),
        ("sync", "0004_names_by_the_new_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="intent",
            name="creator_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="connection",
            name="state",
            field=models.CharField(
                choices=[
                    ("ok", "Ok"),
                    ("no_token", "No Token"),
                    ("invalid_token", "Invalid Token"),
                    ("unauthorized", "Unauthorized"),
                    ("another_company", "Another Company"),
                    ("down", "Down"),
                    ("throttled", "Throttled"),
                    ("blocked", "Blocked"),
                    ("budget_spent", "Budget Spent"),
                ],
                default="ok",
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="Company",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("company_id", models.BigIntegerField(null=True)),
                ("name", models.TextField(blank=True, default="")),
                ("domain", models.TextField(blank=True, default="")),
                ("generation", models.PositiveIntegerField(default=0)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="company_is_one_row")],
            },
        ),
        migrations.RunPython(remember_company, migrations.RunPython.noop),
    ]
