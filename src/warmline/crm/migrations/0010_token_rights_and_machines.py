from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0009_following"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="rights",
            field=models.CharField(
                choices=[("read", "Read"), ("write", "Read and write"), ("admin", "Everything that its user may do")],
                default="admin",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="is_machine",
            field=models.BooleanField(default=False),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_admin", True), ("is_machine", True), _negated=True),
                name="user_machine_is_no_admin",
            ),
        ),
    ]
