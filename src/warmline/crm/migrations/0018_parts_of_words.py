"""Search finds parts of words: each run of letters becomes a word of its row, with its endings."""

from typing import Any

from django.db import migrations, models

from warmline.crm.search_words import endings_of, is_stem, words_of

AT_ONCE = 500  # rows of one statement


def add_stems(apps: Any, _editor: Any) -> None:
    """Store the stems of the words that are there."""
    stems: set[bytes] = set()
    for kind in ("contact", "organization"):
        rows, words = apps.get_model("crm", kind.title()), apps.get_model("crm", f"{kind.title()}Word")
        ids = list(rows.objects.order_by("pk").values_list("pk", flat=True))
        for first in range(0, len(ids), AT_ONCE):
            some = words.objects.filter(**{f"{kind}__in": ids[first : first + AT_ONCE]})
            there = {(row, bytes(word)) for row, word in some.values_list(kind, "word")}
            wanted = {(row, stem) for row, word in there for stem in _stems(word)}
            stems |= {stem for _, stem in wanted}
            made = [words(**{f"{kind}_id": row, "word": stem}) for row, stem in sorted(wanted - there)]
            words.objects.bulk_create(made, batch_size=AT_ONCE)
    endings = apps.get_model("crm", "StemEnding")
    ended = (endings(ending=ending, stem=stem) for stem in sorted(stems) for ending in endings_of(stem))
    endings.objects.bulk_create(ended, batch_size=AT_ONCE)


def _stems(word: bytes) -> list[bytes]:
    return [stem for stem in words_of(word.decode("utf-8", "ignore")) if is_stem(stem)]


class Migration(migrations.Migration):
    dependencies = [("crm", "0017_today")]

    operations = [
        migrations.CreateModel(
            name="StemEnding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ending", models.BinaryField(max_length=64)),
                ("stem", models.BinaryField(max_length=64)),
            ],
            options={"indexes": [models.Index(fields=["ending", "stem"], name="stem_ending")]},
        ),
        migrations.RunPython(add_stems, migrations.RunPython.noop),
    ]
