"""Search finds the words of details, and lists are filtered by tag and source."""

from typing import Any

from django.db import migrations

from warmline.crm.contact_details import words_in
from warmline.crm.search_words import endings_of, is_stem

AT_ONCE = 500  # rows of one statement
DETAILS = ("job_title", "linkedin", "tags", "source")


def add_words(apps: Any, _editor: Any) -> None:
    """Store the words of the details that are there."""
    words, endings = apps.get_model("crm", "ContactWord"), apps.get_model("crm", "StemEnding")
    contacts = apps.get_model("crm", "Contact").objects
    ids = list(contacts.order_by("pk").values_list("pk", flat=True))
    for first in range(0, len(ids), AT_ONCE):
        some = ids[first : first + AT_ONCE]
        found = {
            (row["pk"], word)
            for row in contacts.filter(pk__in=some).values("pk", *DETAILS)
            for word in words_in({name: row[name] for name in DETAILS})
        }
        made = [words(contact_id=row, word=word) for row, word in sorted(found)]
        words.objects.bulk_create(made, batch_size=AT_ONCE, ignore_conflicts=True)
        stems = {word for _, word in found if is_stem(word)}
        known = endings.objects.filter(ending__in=stems, stem__in=stems).values_list("ending", "stem")
        new = sorted(stems - {bytes(stem) for ending, stem in known if bytes(ending) == bytes(stem)})
        ended = (endings(ending=ending, stem=stem) for stem in new for ending in endings_of(stem))
        endings.objects.bulk_create(ended, batch_size=AT_ONCE)


class Migration(migrations.Migration):
    dependencies = [("crm", "0023_detail_fields")]

    operations = [migrations.RunPython(add_words, migrations.RunPython.noop)]
