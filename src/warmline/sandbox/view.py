"""Renders the sandbox's page as HTML from the current world, without changing it.

page.js keeps each part marked `data-live` up to date, child by child if the children have ids. Callers must hold the
sandbox's lock.
"""

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from warmline.sandbox import fault_buttons
from warmline.sandbox.elements import el
from warmline.sandbox.gateway import Sandbox
from warmline.sandbox.page_tables import LIVE, TABLES, alive, calls, records
from warmline.sandbox.world import World


def page(sandbox: Sandbox, *, shown: str = "", problem: str = "", typed: Mapping[str, str] | None = None) -> Element:
    """Return the whole page.

    Args:
        sandbox: The sandbox to show.
        shown: The id of a row to highlight, such as "person-12".
        problem: Why the values of a form could not be added.
        typed: The values typed into that form, by field name.
    """
    world = sandbox.world
    return frame(
        world,
        _nav(world),
        el(
            "main",
            el("div", _health(sandbox), _breakages(sandbox), _colleague(world, problem, typed or {}), class_="side"),
            el("div", *(records(world, table, shown) for table in TABLES), calls(world)),
        ),
        el("script", type="module", src="/sandbox/page.js"),
    )


def missing(world: World, what: str) -> Element:
    """Return the page for the address of a record that does not exist.

    Args:
        world: The world, whose company is named.
        what: The record, such as "person 12".
    """
    return frame(
        world,
        el(
            "main",
            el(
                "section",
                el("h2", f"There is no {what}"),
                el("p", "It was deleted or merged, or never existed. ", el("a", "Show all records", href="/sandbox/")),
            ),
        ),
    )


def frame(world: World, *inside: Element) -> Element:
    """Return a page of the sandbox with something on it."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", f"Sandbox Pipedrive: {world.company}"),
        el("link", rel="icon", href="/sandbox/icon.svg"),
        el("link", rel="stylesheet", href="/sandbox/page.css"),
    )
    header = el(
        "header",
        el("h1", "Sandbox Pipedrive"),
        el("p", f"{world.company}, on this machine. All data is lost when it stops."),
    )
    return el("html", head, el("body", header, *inside), lang="en")


def _nav(world: World) -> Element:
    counts = {table.kind: len(alive(world, table.kind)) for table in TABLES} | {"calls": len(world.calls)}
    links = [
        el("a", f"{kind.capitalize()} ", el("span", f"{count:,}", class_="count"), href=f"#{kind}", id=f"to-{kind}")
        for kind, count in counts.items()
    ]
    return el("nav", *links, aria_label="Records", id="nav", data_live=LIVE)


def _health(sandbox: Sandbox) -> Element:
    broken = fault_buttons.told(sandbox.faults)
    said = [el("p", el("strong", "Everything works. "), "All calls are answered normally.")]
    if broken:
        said = [el("p", el("strong", "Broken now")), el("ul", *(el("li", one) for one in broken))]
    mend = el("button", "Fix everything", name="mend", value="everything", id="mend", disabled=None if broken else "")
    return el(
        "section",
        el("h2", "Health", class_="unseen"),
        el("div", *said, class_="broken" if broken else "well", role="status", id="health", data_live=LIVE),
        el("form", mend, method="post", action="/sandbox/switch", id="mending", data_live=LIVE),
        el("p", "The sandbox is not responding. This is its last known state.", role="alert", id="lost", hidden=""),
        class_="health",
    )


def _breakages(sandbox: Sandbox) -> Element:
    on = fault_buttons.pressed(sandbox.faults)
    buttons = [
        el(
            "button",
            el("span", one.title, class_="title"),
            el("span", "on" if one.key in on else "off", class_="switch", aria_hidden="true"),
            el("small", one.effect),
            name="mend" if one.key in on else "break",
            value=one.key,
            id=f"break-{one.key}",
            aria_pressed="true" if one.key in on else "false",
        )
        for one in fault_buttons.BREAKAGES
    ]
    is_cleaning = sandbox.world.settings.cleaning
    cleaning = el(
        "button",
        el("span", "Clean what is stored", class_="title"),
        el("span", "on" if is_cleaning else "off", class_="switch", aria_hidden="true"),
        el("small", "Trims names, lowercases e-mails, spaces phones, wraps notes in paragraphs"),
        name="clean",
        value="no" if is_cleaning else "yes",
        id="clean",
        aria_pressed="true" if is_cleaning else "false",
    )
    return el(
        "section",
        el("h2", "Break it"),
        el("p", "Press once to break, again to fix."),
        el("form", *buttons, cleaning, method="post", action="/sandbox/switch", id="break", data_live=LIVE),
    )


def _colleague(world: World, problem: str, typed: Mapping[str, str]) -> Element:
    return el(
        "section",
        el("h2", "Be a colleague"),
        el("p", "Add records for Warmline to find. Two with the same e-mail or name become candidates to choose from."),
        _adding(world, "person", problem, typed),
        _adding(world, "organization", problem, typed),
    )


def _adding(world: World, one: str, problem: str, typed: Mapping[str, str]) -> Element:
    mine = typed if typed.get("one") == one else {}
    colleagues = [user for user in world.users.values() if user.active]
    chosen = mine.get("owner") or str(colleagues[-1].id if colleagues else "")
    options = [
        el("option", user.name, value=str(user.id), selected="" if str(user.id) == chosen else None)
        for user in colleagues
    ]
    form = el(
        "form",
        el("p", problem, role="alert") if mine else None,
        _field("Name", "name", mine, required="", autocomplete="off", autofocus="" if mine else None),
        _field("E-mail", "email", mine, type="email", autocomplete="off") if one == "person" else None,
        el("label", "Owner", el("select", *options, name="owner")),
        el("button", f"Add {one}", name="one", value=one, class_="main"),
        method="post",
        action="/sandbox/add",
    )
    return el("details", el("summary", f"Add a{'n' if one[0] == 'o' else ''} {one}"), form, open="" if mine else None)


def _field(label: str, name: str, typed: Mapping[str, str], **attributes: str | None) -> Element:
    return el("label", label, el("input", name=name, value=typed.get(name), **attributes))
