"""The tables on the sandbox's page: one for each kind of record, newest first, and one for the last calls.

Long tables are cut, but a record that was requested by its address is always shown. The differences between kinds of
records are in `TABLES`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from warmline.sandbox.answers import Json
from warmline.sandbox.elements import Inside, el
from warmline.sandbox.fields import LABELS
from warmline.sandbox.world import Call, World

MOST = 100  # records of a kind
MOST_CALLS = 50
SUCCESSFUL = range(200, 300)
LIVE = ""
NONE = "none"


@dataclass(frozen=True)
class Table:
    """How one kind of record is shown.

    Attributes:
        one: In ids and addresses: `person-12`, `/person/12`.
        kind: The plural in paths.
        columns: What the cells are called, beside the number.
        cells: Returns them.
        empty: What is said when there is no record.
    """

    one: str
    kind: str
    columns: tuple[str, ...]
    cells: Callable[[World, Json], list[Element]]
    empty: str


def records(world: World, table: Table, shown: str) -> Element:
    """Return the section with one kind of record.

    Args:
        world: Whose records.
        table: Of which kind.
        shown: The id of a row to point out, e.g. "person-12".
    """
    newest_first = alive(world, table.kind)[::-1]
    asked_for = [one for one in newest_first[MOST:] if f"{table.one}-{one['id']}" == shown]
    rows = [_row(world, table, record, shown) for record in newest_first[:MOST] + asked_for]
    nothing = el("td", table.empty, colspan=str(len(table.columns) + 1), class_="empty")
    left_out = len(newest_first) - len(rows)
    return _section(
        table.kind,
        el("p", f"and {left_out:,} more" if left_out else None, id=f"more-{table.kind}", data_live=LIVE),
        _table(table.kind, ("No.", *table.columns), rows or [el("tr", nothing, id=f"no-{table.kind}")]),
    )


def calls(world: World) -> Element:
    """Return the section with the last calls and with what all of them cost."""
    count = len(world.calls)
    rows = [_call(number, world.calls[number]) for number in reversed(range(max(0, count - MOST_CALLS), count))]
    nothing = el("tr", el("td", "None yet.", colspan="4", class_="empty"), id="no-calls")
    left = "" if world.tokens_left is None else f", and {world.tokens_left:,} are left today"
    said = f"{count:,} calls cost {world.tokens_spent:,} tokens{left}. The last {MOST_CALLS} are shown; "
    return _section(
        "calls",
        el("p", said, el("a", "all as JSON", href="/sandbox/calls"), ".", id="spent", data_live=LIVE),
        _table("calls", ("Time (UTC)", "Call", "Answer", "Tokens"), rows or [nothing]),
    )


def alive(world: World, kind: str) -> list[Json]:
    """Return the records of a kind that are not deleted, oldest first."""
    return [record for record in world.records[kind].values() if not record["is_deleted"]]


def _section(kind: str, said: Element, table: Element) -> Element:
    return el("section", el("h2", kind.capitalize()), table, said, id=kind)


def _table(kind: str, columns: Iterable[str], rows: Iterable[Element]) -> Element:
    return el(
        "table",
        el("caption", f"{kind.capitalize()}, newest first", class_="unseen"),
        el("thead", el("tr", *(el("th", column, scope="col") for column in columns))),
        el("tbody", *rows, id=f"rows-{kind}", data_live=LIVE),
    )


def _row(world: World, table: Table, record: Json, shown: str) -> Element:
    number = str(record["id"])
    name = f"{table.one}-{number}"
    return el(
        "tr",
        el("td", el("a", number, href=f"#{name}")),
        *table.cells(world, record),
        id=name,
        aria_current="true" if name == shown else None,
    )


def _person(world: World, person: Json) -> list[Element]:
    reaches = [reach["value"] for kind in ("emails", "phones") for reach in person[kind]]
    return [
        _title(person["name"], _labels(world, "persons", person), ", ".join(reaches)),
        el("td", _to(world, "organization", person.get("org_id"))),
        el("td", _owner(world, person)),
    ]


def _organization(world: World, organization: Json) -> list[Element]:
    labels = _labels(world, "organizations", organization)
    return [_title(organization["name"], labels), el("td", _owner(world, organization))]


def _activity(world: World, activity: Json) -> list[Element]:
    kind = next(kind["name"] for kind in world.activity_types if kind["key_string"] == activity["type"])
    due = f"{activity.get('due_date') or ''} {(activity.get('due_time') or '')[:5]}".strip()
    return [
        _title(activity["subject"], [kind]),
        el("td", _to(world, "person", activity.get("person_id"))),
        el("td", "Done" if activity["done"] else "To do", _under(due)),
    ]


def _call(number: int, call: Call) -> Element:
    good = call.status in SUCCESSFUL and not call.fault
    return el(
        "tr",
        el("td", datetime.fromtimestamp(call.at, UTC).strftime("%H:%M:%S")),
        el("td", el("code", f"{call.method} {call.path}")),
        el("td", str(call.status or NONE), _under(call.fault), class_=None if good else "bad"),
        el("td", str(call.tokens)),
        id=f"call-{number}",
    )


def _title(title: str, chips: Iterable[str], under: str = "") -> Element:
    return el("td", el("b", title), *(part for chip in chips for part in (" ", el("i", chip))), _under(under))


def _under(text: str) -> Element | None:
    return el("small", text) if text else None


def _labels(world: World, kind: str, record: Json) -> list[str]:
    options = next(field["options"] for field in world.fields[kind] if field["field_code"] == LABELS)
    return [option["label"] for option in options if option["id"] in record["label_ids"]]


def _owner(world: World, record: Json) -> str:
    return world.users[record["owner_id"]].name


def _to(world: World, one: str, record_id: int | None) -> Inside:
    if not world.alive(f"{one}s", record_id):
        return NONE
    return el("a", world.records[f"{one}s"][record_id or 0]["name"], href=f"/{one}/{record_id}")


TABLES = (
    Table(
        "person",
        "persons",
        ("Person", "Organization", "Owner"),
        _person,
        "No persons yet. Warm contacts from Warmline arrive here.",
    ),
    Table(
        "organization",
        "organizations",
        ("Organization", "Owner"),
        _organization,
        "No organizations yet. A warm contact's organization arrives here before the person.",
    ),
    Table(
        "activity",
        "activities",
        ("Activity", "Person", "State, due (UTC)"),
        _activity,
        "No activities yet. Activities logged with these contacts arrive here.",
    ),
)
