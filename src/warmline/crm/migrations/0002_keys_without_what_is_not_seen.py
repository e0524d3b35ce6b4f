"""Keys tell nothing apart any more that reads alike, and domains are compared as IDNA: what stores one is made anew.

Organizations whose names became one are merged, unless they are different records in Pipedrive: then both stay, and the
second keeps its old key. So does a user whose e-mail became another's, who signs in with it as before.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import migrations
from django.utils import timezone

from warmline.crm.fields import tidied
from warmline.crm.keys import email_key, key
from warmline.crm.search_words import words_of

AT_ONCE = 500  # rows of one statement
FRESH = {
    "pipedrive_sync_attempts": 0,
    "pipedrive_sync_failed": False,
    "pipedrive_sync_error_code": "",
    "pipedrive_sync_error_message": "",
    "pipedrive_sync_error_field": "",
}
FILLED = ("sector", "country")
DECIDED = ("pipedrive_chosen_id", "pipedrive_make_new", "pipedrive_candidates", "pipedrive_asked_for")


def make_keys(apps: Any, _editor: Any) -> None:
    """Make all keys anew, and what is made of them."""
    _users(apps.get_model("crm", "User"))
    _organizations(apps)
    _contacts(apps)


def _users(users: Any) -> None:
    for wished, some in _by(lambda user: email_key(user.email), users.objects.order_by("pk")).items():
        holder = next((user for user in some if user.email_key == wished), some[0])
        if holder.email_key != wished:
            users.objects.filter(pk=holder.pk).update(email=tidied("email", holder.email), email_key=wished)


def _organizations(apps: Any) -> None:
    organizations = apps.get_model("crm", "Organization").objects
    changed = []
    for wished, some in _by(lambda row: key(row.name), organizations.order_by("pk")).items():
        if len(some) > 1:
            holder = _merged(apps, wished, some)
        else:
            (holder,) = some
        tidy = {name: tidied(name, getattr(holder, name)) for name in ("name", *FILLED)}
        if holder.name_key != wished or any(getattr(holder, name) != text for name, text in tidy.items()):
            organizations.filter(pk=holder.pk).update(name_key=wished, **tidy)
            changed.append((holder.pk, words_of(wished)))
    _keep_words(apps.get_model("crm", "OrganizationWord"), "organization_id", changed)


def _merged(apps: Any, wished: str, some: Sequence[Any]) -> Any:
    """Make organizations one that are not different records in Pipedrive, and return the one that gets the key."""
    linked = {row.pipedrive_org_id: row for row in reversed(some) if row.pipedrive_org_id is not None}
    stay = sorted(linked.values(), key=lambda row: (row.name_key != wished, row.pk)) or [some[0]]
    for row in some:
        if row not in stay:
            _merge(apps, row, linked.get(row.pipedrive_org_id, stay[0]))
    return stay[0]


def _merge(apps: Any, row: Any, into: Any) -> None:
    organizations, contacts = apps.get_model("crm", "Organization").objects, apps.get_model("crm", "Contact").objects
    changes: dict[str, Any] = {"created_at": min(row.created_at, into.created_at)}
    filled = {name: getattr(row, name) for name in FILLED if getattr(row, name) and not getattr(into, name)}
    if filled and into.pipedrive_org_id is not None:  # Pipedrive is told of it
        changes |= {"revision": into.revision + 1, "next_pipedrive_sync_attempt": timezone.now(), **FRESH}
    if into.pipedrive_org_id is None and not any(getattr(into, name) for name in DECIDED):
        changes |= {name: getattr(row, name) for name in DECIDED}
    for name, value in (changes | filled).items():
        setattr(into, name, value)
    organizations.filter(pk=into.pk).update(**changes, **filled)

    mine = contacts.filter(organization_id=row.pk)
    waiting = mine.filter(pipedrive_sync_error_code="organization_failed")
    waiting.update(next_pipedrive_sync_attempt=timezone.now(), **FRESH)
    before, after = f"organization {row.pk}", f"organization {into.pk}"
    for contact in mine.exclude(pipedrive_person_id=None):
        # What Pipedrive was told stays told.
        if contact.pipedrive_agreed.get("ours", {}).get("organization") == before:
            contact.pipedrive_agreed["ours"]["organization"] = after
            contact.save(update_fields=["pipedrive_agreed"])
    mine.update(organization_id=into.pk)
    organizations.filter(pk=row.pk).delete()


def _contacts(apps: Any) -> None:
    contacts, names = apps.get_model("crm", "Contact").objects, ("name", "email", "phone")
    changed, words = [], []
    for row in contacts.only(*names, "name_key", "email_key").iterator():
        keys = key(row.name), email_key(row.email)
        texts = [tidied(name, getattr(row, name)) for name in names]
        if (row.name_key, row.email_key) == keys and texts == [getattr(row, name) for name in names]:
            continue
        row.name_key, row.email_key = keys
        row.name, row.email, row.phone = texts
        changed.append(row)
        words.append((row.pk, words_of(row.name_key, key(row.email_key))))
    contacts.bulk_update(changed, [*names, "name_key", "email_key"], batch_size=AT_ONCE)
    _keep_words(apps.get_model("crm", "ContactWord"), "contact_id", words)


def _keep_words(model: Any, field: str, rows: Sequence[tuple[int, set[bytes]]]) -> None:
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        model.objects.filter(**{f"{field}__in": [pk for pk, _ in some]}).delete()
        made = [model(**{field: pk, "word": word}) for pk, words in some for word in words]
        model.objects.bulk_create(made, batch_size=AT_ONCE)


def _by(group: Callable[[Any], str], rows: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[group(row)].append(row)
    return found


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial")]

    operations = [migrations.RunPython(make_keys, migrations.RunPython.noop)]
