import django.db.models.deletion
import warmline.crm.commit_order
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0008_kept_answers"),
    ]

    operations = [
        migrations.CreateModel(
            name="GoneRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=20)),
                ("row_id", models.BigIntegerField()),
                ("is_deleted", models.BooleanField()),
                ("changed_in", warmline.crm.commit_order.PositionField(db_index=True, default=0, editable=False)),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.AddField(
            model_name="activity",
            name="changed_at",
            field=models.DateTimeField(auto_now=True),
        ),
        migrations.AddField(
            model_name="activity",
            name="changed_in",
            field=warmline.crm.commit_order.PositionField(db_index=True, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="contact",
            name="changed_at",
            field=models.DateTimeField(auto_now=True),
        ),
        migrations.AddField(
            model_name="contact",
            name="changed_in",
            field=warmline.crm.commit_order.PositionField(db_index=True, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="organization",
            name="changed_at",
            field=models.DateTimeField(auto_now=True),
        ),
        migrations.AddField(
            model_name="organization",
            name="changed_in",
            field=warmline.crm.commit_order.PositionField(db_index=True, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="user",
            name="changed_at",
            field=models.DateTimeField(auto_now=True),
        ),
        migrations.AddField(
            model_name="user",
            name="changed_in",
            field=warmline.crm.commit_order.PositionField(db_index=True, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="gonerow",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="gonerow",
            index=models.Index(fields=["kind", "row_id"], name="gone_row_id"),
        ),
    ]
