"""Where details of contacts go in Pipedrive: the fields to choose from, and what a choice sends.

A choice sends what is there already as batch work, but only into fields that are empty in Pipedrive (see
reconcile/three_way_merge.py). Ending one changes nothing that is there.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db.models import BooleanField, Case, Count, F, Q, Value, When

from warmline import database_time
from warmline.crm import preferences
from warmline.crm.chunks import in_pieces
from warmline.crm.models import WARMEST, Contact
from warmline.pipedrive import Field
from warmline.sync import wakeups
from warmline.sync.after_change import fresh_attempts
from warmline.sync.remote import detail_fields
from warmline.sync.remote.account_cache import remembered
from warmline.sync.synced_fields import DETAILS, Codes, as_texts, details

HEARD_BY_ALL = timedelta(seconds=10)  # after which each process has read the preferences again


def offered(detail: str) -> list[tuple[str, str]] | None:
    """Return the fields that can hold a detail, as code and name; None if the account's fields were never asked for.

    Args:
        detail: Our column.
    """
    fields = remembered("person_fields", Field)
    found = detail_fields.suitable(detail, fields or ())
    return None if fields is None else sorted(((each.code, each.name) for each in found), key=lambda each: each[1])


def wrong() -> list[str]:
    """Return what is wrong with the present choice and what to do, as the account's fields were when asked for last."""
    fields = remembered("person_fields", Field)
    return [] if fields is None else detail_fields.wrong(preferences.current().detail_fields, fields)


def known() -> Mapping[str, int]:
    """Return for each detail how many linked contacts have one: what choosing a field for it would send, at most."""
    linked = Contact.objects.filter(pipedrive_person_id__isnull=False)
    counts = {detail: Count("pk", filter=~Q(**{detail: ""})) for detail in DETAILS}
    found: dict[str, int] = linked.order_by().aggregate(**counts)
    return found


def choose(chosen: Codes, *, adds_options: bool = False) -> int:
    """Store which details go to which fields, and make due what Pipedrive was not told of yet.

    Doing the same again makes due what an interrupted choice has left.

    Args:
        chosen: For some details, the code of Pipedrive's field.
        adds_options: Whether an option is added there for a tag that has none.

    Returns:
        How many linked contacts were made due.
    """
    preferences.change({"detail_fields": dict(chosen), "adds_options": adds_options})
    due = in_pieces(_untold(chosen), _make_due) if chosen else 0
    wakeups.after_commit()
    return due


def _untold(chosen: Codes) -> list[int]:
    """Return the ids of contacts with a detail whose present field was never compared; also of those on their way."""
    untold, warm = Q(), Q(warmness_score__in=range(preferences.current().threshold, WARMEST + 1))
    there = Contact.objects.filter(Q(pipedrive_person_id__isnull=False) | warm)
    for name, column in details(as_texts(chosen)).items():
        # As values, because what is asked of a snapshot that is not there is neither true nor false.
        has, assumes = (_is(Q((f"pipedrive_agreed__{part}__has_key", name))) for part in ("ours", "assumed"))
        there = there.alias(**{f"has_{column}": has, f"assumes_{column}": assumes})
        untold |= ~Q((column, "")) & (Q((f"has_{column}", False)) | Q((f"assumes_{column}", True)))
    return list(there.filter(untold).order_by("pk").values_list("pk", flat=True))


def _is(condition: Q) -> Case:
    return Case(When(condition, then=Value(value=True)), default=Value(value=False), output_field=BooleanField())


def _make_due(ids: Sequence[int]) -> int:
    """Make contacts pending; those that wait already, or are on their way, only get a newer revision."""
    some = Contact.objects.filter(pk__in=ids)
    in_line = some.filter(pipedrive_person_id__isnull=False, revision=F("pipedrive_revision"))
    ready = list(in_line.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    later = fresh_attempts(database_time.now() + HEARD_BY_ALL)
    some.exclude(pk__in=ready).update(revision=F("revision") + 1)
    return some.filter(pk__in=ready).update(revision=F("revision") + 1, pipedrive_in_bulk=True, **later)
