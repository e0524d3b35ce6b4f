from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0024_words_of_details"),
    ]

    operations = [
        migrations.AddField(
            model_name="storedpreferences",
            name="adds_options",
            field=models.BooleanField(default=False),
        ),
    ]
