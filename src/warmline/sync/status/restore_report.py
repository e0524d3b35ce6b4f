"""How far the check of all links after a restore is, and what it has found, in words; and other installations."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sync.installation_models import LinkCheck
from warmline.sync.remote import other_installations, reconcile_first

UNTIL_THEN = "Each link to Pipedrive is being checked after a restore. Until that is done, nothing is sent."
SHOWN = 10  # rows that are named
GONE = "Its record is no longer in Pipedrive."
DOUBTFUL = "Its record in Pipedrive looks like somebody else's. Compare the two."
OUTCOMES = {  # what is said of each, for one and for several
    "kept": ("link was right", "links were right"),
    "moved": (
        "link was moved to the record that replaced its own",
        "links were moved to the records that replaced theirs",
    ),
    "gone": ("link led to nothing", "links led to nothing"),
    "doubtful": ("leads to a record that looks like somebody else's", "lead to records that look like somebody else's"),
    "unreadable": ("record could not be read; its link stays", "records could not be read; their links stay"),
}


@dataclass(frozen=True)
class NamedRow:
    """A row to look at.

    Attributes:
        kind, row_id: Which one.
        name: What people call it.
        why: What is the matter, in a sentence.
    """

    kind: str
    row_id: int
    name: str
    why: str


@dataclass(frozen=True)
class RestoreReport:
    """The check, for a user.

    Attributes:
        is_on: Whether it goes on.
        percent: How much of it is done.
        heading: What is said of it in a few words.
        lines: What it has found, in sentences.
        rows: The rows to look at that the user may see; the first few.
    """

    is_on: bool
    percent: int
    heading: str
    lines: list[str]
    rows: list[NamedRow]


def report(user: User, now: datetime) -> RestoreReport | None:
    """Return the report of the check that goes on, or ended lately; None when there is none.

    Args:
        user: Who looks.
        now: The present moment, aware.
    """
    check = reconcile_first.last(now)
    if check is None:
        return None
    is_on = check.ended_at is None
    return RestoreReport(
        is_on=is_on,
        percent=min(100, 100 * check.checked // check.total) if check.total else 100,
        heading="Checking all links to Pipedrive" if is_on else "All links to Pipedrive were checked",
        lines=list(_lines(check)),
        rows=_rows(check, user),
    )


def lines(now: datetime) -> list[str]:
    """Return what a terminal shows of the check, and of another installation; nothing if there is neither.

    Args:
        now: The present moment, aware.
    """
    check = reconcile_first.last(now)
    found = [] if check is None else _lines(check)
    other = other_installation(now)
    return [*found, *([other] if other else [])]


def other_installation(now: datetime) -> str:
    """Return that another installation writes to the same company, in words; empty if none was seen lately.

    Args:
        now: The present moment, aware.
    """
    other = other_installations.present(now)
    return "" if other is None else other_installations.words(other)


def _lines(check: LinkCheck) -> list[str]:
    said = [check.reason]
    if check.ended_at is None:
        said.append(f"{check.checked:,} of {check.total:,} links checked. Until all are, nothing is sent.")
        if check.problem:
            said.append(f"The check was interrupted ({check.problem}) and continues in a few seconds.")
    totals: dict[str, int] = {}
    for figures in check.figures.values():
        for outcome, number in figures.items():
            totals[outcome] = totals.get(outcome, 0) + number
    found = [f"{totals[name]:,} {words[totals[name] != 1]}" for name, words in OUTCOMES.items() if name in totals]
    if found:
        said.append(f"{'; '.join(found)}.")
    if check.left_there:
        number = len(check.left_there)
        said.append(
            f"{number:,} record{' is' if number == 1 else 's are'} in Pipedrive that Warmline created and does not "
            "know any more: saved after the backup, deleted here, or another installation's. They stay as they are."
        )
    return said


def _rows(check: LinkCheck, user: User) -> list[NamedRow]:
    named = [*((name, DOUBTFUL) for name in check.doubtful), *((name, GONE) for name in check.gone)]
    found: list[NamedRow] = []
    for name, why in named:
        kind, _, row_id = name.partition(" ")
        row = _seen(kind, int(row_id), user)
        if row is not None:
            found.append(NamedRow(kind, row.contact_id if kind == "activity" else row.pk, str(row), why))
        if len(found) == SHOWN:
            break
    return found


def _seen(kind: str, row_id: int, user: User) -> Any:
    match kind:
        case "contact":
            rows: Any = Contact.objects.seen_by(user)
        case "organization":
            rows = Organization.objects.all()
        case _:
            rows = Activity.objects.seen_by(user)
    return rows.filter(pk=row_id).first()
