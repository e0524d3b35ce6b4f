"""What else is known of a contact: job title, LinkedIn, note, tags and source."""

from django.core.validators import MaxLengthValidator
from django.db import migrations, models

from warmline.crm.fields import no_control_characters, no_control_characters_but_line_breaks


def _line(length: int, name: str | None = None) -> "models.CharField[str, str]":
    return models.CharField(name, blank=True, default="", max_length=length, validators=[no_control_characters])


class Migration(migrations.Migration):
    dependencies = [("crm", "0018_parts_of_words")]

    operations = [
        migrations.AddField("contact", "job_title", _line(255)),
        migrations.AddField("contact", "linkedin", _line(255, "LinkedIn")),
        migrations.AddField(
            "contact",
            "note",
            models.TextField(
                blank=True, default="", validators=[MaxLengthValidator(30000), no_control_characters_but_line_breaks]
            ),
        ),
        migrations.AddField("contact", "tags", _line(5100)),
        migrations.AddField("contact", "source", _line(255)),
    ]
