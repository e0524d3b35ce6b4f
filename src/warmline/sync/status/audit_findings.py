"""The problems of an audit in words: which row, what is wrong with it, and what repairing it would do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.sync import normal_forms
from warmline.sync.audit_models import Finding, Problem
from warmline.sync.models import Remembered
from warmline.sync.status.record_links import place
from warmline.sync.synced_fields import called, first_of

SHOWN = 120  # characters of a value
CALLED = {
    "email": "e-mail",
    "emails": "e-mails",
    "due": "due date",
    "done": "“done”",
}  # fields that people call otherwise
ON_THE_PAGE = (Problem.OWNER, Problem.LABEL)  # of a row; the others are seen from its state, or are for admins
THERE = {"contact": "person", "organization": "organization", "activity": "activity"}


@dataclass(frozen=True)
class Described:
    """A problem as people read it.

    Attributes:
        problem: The problem.
        row: Its row.
        name: What the row is called.
        text: What is wrong, in a sentence.
        place: The address of its record in Pipedrive; empty if it has none.
        others: The addresses of the other records, each with its id.
        repair: What repairing it does; empty if only a person can, in Pipedrive.
    """

    problem: Finding
    row: Row
    name: str
    text: str
    place: str
    others: list[tuple[int, str]]
    repair: str


def described(findings: Iterable[Finding]) -> list[Described]:
    """Return problems in words, without those whose rows were deleted here meanwhile."""
    some = list(findings)
    rows: dict[tuple[str, int], Any] = {}
    for kind, queryset in (
        ("contact", Contact.objects.select_related("organization")),
        ("organization", Organization.objects.all()),
        ("activity", Activity.objects.select_related("contact")),
    ):
        ids = [each.row_id for each in some if each.kind == kind]
        rows |= {(kind, row.pk): row for row in queryset.filter(pk__in=ids)}
    users = _users()
    return [_described(each, rows[each.kind, each.row_id], users) for each in some if (each.kind, each.row_id) in rows]


def of_row(row: Contact | Organization) -> list[str]:
    """Return what is wrong with a row that is not seen from its state, each in a sentence."""
    found = list(Finding.objects.filter(kind=row._meta.model_name, row_id=row.pk, problem__in=ON_THE_PAGE))  # noqa: SLF001 (documented as public)
    users = _users() if found else {}
    return [_text(each, users) for each in found]


def _described(finding: Finding, row: Any, users: dict[int, str]) -> Described:
    return Described(
        problem=finding,
        row=row,
        name=f"{row.subject} with {row.contact.name}" if isinstance(row, Activity) else row.name,
        text=f"{_text(finding, users)}{f' {finding.said}' if finding.said else ''}",
        place=_place(row, finding.record_id),
        others=[(record_id, _place(row, record_id)) for record_id in finding.others],
        repair=_repair(finding),
    )


def _text(finding: Finding, users: dict[int, str]) -> str:
    there = THERE[finding.kind]
    match finding.problem:
        case Problem.MISSING:
            text = f"It should have been in Pipedrive long ago, but no {there} was created."
        case Problem.DOUBLE:
            ids = ", ".join(map(str, finding.others))
            names = {"warmline_id": "Warmline ID", "name": "name"}
            what = next((called for field, called in names.items() if field in finding.fields), "e-mail")
            text = f"Pipedrive has a second {there} with the same {what}: {ids}. Merge them there."
        case Problem.OWNER:
            was, now = (users.get(user_id, f"user {user_id}") for user_id in finding.values["owner"])
            text = f"Its owner in Pipedrive was {was} and is {now}."
        case Problem.LABEL:
            text = "Its label was removed in Pipedrive."
        case Problem.ORGANIZATION:
            text = "It has a different organization in Pipedrive."
        case _ if finding.values:
            text = f"In Pipedrive, {'; '.join(_differs(name, *both) for name, both in _pairs(finding))}."
        case _:
            followed = " It seems to have been merged into another one." if finding.mends_itself else ""
            text = f"Its {there} {finding.record_id} is no longer in Pipedrive.{followed}"
    return text


def _differs(name: str, ours: Any, theirs: Any) -> str:
    if first_of(name):
        there, here = (_quoted("", normal_forms.in_words(side)) for side in (theirs, ours))
        return f"among the {CALLED.get(name, name)} is {there}; here it is {here}"
    return f"the {CALLED.get(name) or called(name)} is {_quoted(name, theirs)}; here it is {_quoted('', ours)}"


def _pairs(finding: Finding) -> list[tuple[str, tuple[Any, Any]]]:
    return [(name, (both[0], both[1])) for name, both in sorted(finding.values.items())]


def _repair(finding: Finding) -> str:
    match finding.problem:
        case Problem.DOUBLE:
            return ""
        case Problem.MISSING:
            return "Send it now"
        case Problem.OWNER:
            return "Give it back to its owner"
        case Problem.LABEL:
            return "Add the label again"
    if finding.values:
        return "Send our value" if len(finding.values) == 1 else "Send our values"
    return "Follow the link" if finding.mends_itself else "Create it again"


def _quoted(name: str, value: Any) -> str:
    """Return a value in quotes, cut to what can be shown."""
    shown = normal_forms.in_our_words(name, value) if name else value
    if isinstance(shown, bool):
        return "yes" if shown else "no"
    text = " ".join(str(shown or "").split())
    return f"“{text[: SHOWN - 1]}…”" if len(text) > SHOWN else f"“{text}”" if text else "empty"


def _place(row: Any, record_id: int | None) -> str:
    """Return a record's address; activities have none of their own."""
    return place(row, record_id) if record_id is not None and not isinstance(row, Activity) else ""


def _users() -> dict[int, str]:
    """Return the names of Pipedrive's users, as they were asked for last."""
    known = Remembered.objects.filter(name="users").first()
    return {each["id"]: each.get("name", "") for each in known.value} if known else {}
