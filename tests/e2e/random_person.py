"""Someone at random who adds contacts, logs activities and changes warmness while Warmline comes and goes.

They use the keyboard alone, close the page and open it again, and press keys at the very moment at which the network
goes. What they wanted is written down; in the end each thing must be once in Warmline and in its Pipedrive.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
from e2e.browsing import PATIENCE, People, kept_ahead
from e2e.stopping import Server
from playwright.sync_api import expect
from programs import warmline
from waiting import found_in_time

from warmline.client import Warmline

MOST_TABS = 400  # stops on a page until the control must have come
REMEMBERED = 12  # contacts whose page is opened again; a browser keeps many more
HAS_FOCUS = "selector => document.activeElement.matches(selector)"
SCORES = 10
WARM = 4  # a lead from there on, without other settings
AT_REST = {"not_wanted", "synced"}


@dataclass
class Wanted:
    """What the person has entered.

    Attributes:
        warmness: Of each contact, by name, as it was seen last.
        notes: Of each activity, with the contact's name.
        deeds: What was done, in words.
    """

    warmness: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    deeds: list[str] = field(default_factory=list)


class Person:
    """Alice in one browser.

    Args:
        people: Who opens it.
        server: What she works with.
        seed: Of all that is random.
        how: "switch", the browser's own, or "server", which is stopped.
        device: Options of the browser.
    """

    def __init__(self, people: People, server: Server, seed: int, how: str, device: dict[str, Any]) -> None:
        self._server, self._random, self._how = server, Random(seed), how
        self._page = people.member(server.site, service_workers="allow", **device)
        kept_ahead(self._page)
        self._is_away = False
        self._paths: dict[str, str] = {}
        self.wanted = Wanted()
        self.mark = f"{how}{seed}{'p' if device else 'w'}"

    def work(self, goes_on: Callable[[int], bool]) -> None:
        """Go through times with and without Warmline until all is sent.

        Args:
            goes_on: Whether to begin another round, by how many things were done.
        """
        for _ in range(3):
            self._add()
        while goes_on(len(self.wanted.deeds)):
            for _ in range(self._random.randint(1, 2)):
                self._random.choice((self._look, self._look, self._log, self._warm))()
            self._random.choice((self._add, self._log, self._warm))(self._go)
            for _ in range(self._random.randint(3, 6)):
                self._random.choice(
                    (self._add, self._log, self._warm, self._warm, self._log_from_outbox, self._reopen)
                )()
            self._reopen()
            self._come_back()

    # --- What is done. ---

    def _add(self, meanwhile: Callable[[], None] | None = None) -> None:
        name = f"Person {len(self.wanted.warmness) + 1} {self.mark}"
        self._visit("/contacts/new")
        self._to("#id_name")
        self._page.keyboard.type(name)
        self._to("#id_warmness_score")
        self._page.keyboard.press(str(self._random.randrange(SCORES)))
        self.wanted.warmness[name] = int(self._page.locator("#id_warmness_score").input_value())
        self._did(f"add {name} with {self.wanted.warmness[name]}")
        self._to(self._random.choice(("#id_email", "#add button[type=submit]")))
        self._page.keyboard.press("Enter")
        (meanwhile or (lambda: None))()
        there = self._page.get_by_role("heading", name=name, exact=True)
        expect(
            there.or_(self._kept(name)).or_(self._page.locator("#said", has_text=f"{name} is added.")).first
        ).to_be_attached()
        if there.count() and not self._is_away:
            self._paths[name] = self._path()

    def _log(self, meanwhile: Callable[[], None] | None = None) -> None:
        name = self._open_known()
        note = f"Note {len(self.wanted.notes) + 1} {self.mark}"
        self._to("#log input[name=type]")
        self._choose_type()
        self._to("#log summary")
        self._page.keyboard.press("Enter")
        self._to("#log [name=note]")
        self._page.keyboard.type(note)
        self.wanted.notes[note] = name
        self._did(f"log {note} with {name}")
        self._to("#log button[type=submit]")
        self._page.keyboard.press("Enter")
        (meanwhile or (lambda: None))()
        saved = self._page.locator("#said", has_text=f"The activity with {name} is logged.")
        expect(
            self._page.locator("#timeline").get_by_text(note).or_(self._kept(name)).or_(saved).first
        ).to_be_attached()

    def _warm(self, meanwhile: Callable[[], None] | None = None) -> None:
        name = self._open_known()
        control = self._page.get_by_label(f"Warmness of {name}")
        self._to("select.warmness")
        before = int(control.input_value())
        step, times = self._random.choice((-1, 0, 1)), self._random.randint(1, 4)
        # (A 1 that is typed again leads from 1 to 10.)
        typed = self._random.choice((0, *range(2, SCORES)))
        score = max(0, min(SCORES, before + step * times)) if step else typed
        for _ in range(times if step else 1):
            self._page.keyboard.press({-1: "ArrowUp", 0: str(score), 1: "ArrowDown"}[step])
        (meanwhile or (lambda: None))()
        self._did(f"make {name} {score}, which was {before}")
        self.wanted.warmness[name] = score
        expect(control.and_(self._page.locator(f"select:has(option[selected]:text-is('{score}'))"))).to_be_attached()
        expect(control).to_have_value(str(score))
        expect(self._page.locator("select.warmness.htmx-request")).to_have_count(0)
        assert self._page.evaluate(HAS_FOCUS, "select.warmness"), "the focus was lost"

    def _log_from_outbox(self) -> None:
        self._visit("/outbox")
        new = self._page.locator("#outbox > li", has=self._page.locator("[data-do=log]:visible"))
        if not new.count():
            return
        which = self._random.randrange(new.count())
        entry = new.nth(which)
        name = (entry.locator("[data-what]").text_content() or "").removeprefix("New contact: ")
        note = f"Note {len(self.wanted.notes) + 1} {self.mark}"
        entry.evaluate("it => { it.dataset.chosen = 'yes'; }")
        self._to("[data-chosen] [data-do=log]")
        self._page.keyboard.press("Enter")
        self._to("[data-offline-log] [name=type]")
        self._choose_type()
        self._to("[data-offline-log] [name=note]")
        self._page.keyboard.type(note)
        self.wanted.notes[note] = name
        self._did(f"log {note} with the new {name}")
        self._to("[data-offline-log] button[type=submit]")
        self._page.keyboard.press("Enter")
        expect(self._kept(name)).to_be_attached()

    def _look(self) -> None:
        """Open the page of a contact that was added through the outbox, which the browser then keeps."""
        new = [name for name in self.wanted.warmness if name not in self._paths]
        if not new:
            return
        name = self._random.choice(new)
        self._visit(f"/contacts?q={name.replace(' ', '+')}")
        self._to("td.lead a")
        self._page.keyboard.press("Enter")
        expect(self._page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        self._ready()
        self._paths[name] = self._path()
        self._did(f"look at {name}")

    def _reopen(self) -> None:
        context = self._page.context
        self._page.close()
        self._page = context.new_page()
        self._visit(self._random.choice(("/", "/contacts", "/outbox")))
        self._did("close the page and open it again")

    # --- The network. ---

    def _go(self) -> None:
        self._did("without Warmline")
        self._is_away = True
        if self._how == "switch":
            self._page.context.set_offline(True)
        else:
            self._server.stop()

    def _come_back(self) -> None:
        self._did("with Warmline")
        self._is_away = False
        if self._how == "switch":
            self._page.context.set_offline(False)
        else:
            self._server.start()
        self._visit("/outbox")
        done = self._page.get_by_role("heading", name="Everything is sent")
        asked = self._page.locator("#outbox [data-do=apply]:visible")
        while True:
            self._page.evaluate("() => document.getElementById('send-now').click()")
            expect(done.or_(asked).first).to_be_visible()
            if not asked.count():
                break
            self._decide()

    def _decide(self) -> None:
        """Answer what the outbox asks: the value that was entered last is meant."""
        entry = self._page.locator("#outbox > li", has=self._page.locator("[data-do=apply]:visible")).first
        what = entry.locator("[data-what]").text_content() or ""
        name, _, score = what.removeprefix("Warmness of ").partition(": ")
        is_last = self.wanted.warmness[name] == int(score)
        self._did(f"{'set' if is_last else 'discard'} {what}, as {entry.locator('[data-state]').text_content()}")
        entry.evaluate("it => { it.dataset.decided = 'yes'; }")
        self._to(f"[data-decided] [data-do={'apply' if is_last else 'discard'}]")
        if not is_last:
            self._page.once("dialog", lambda dialog: dialog.accept())
        self._page.keyboard.press("Enter")
        expect(
            self._page.locator("[data-decided]").filter(has=self._page.locator("[data-do=apply]:visible"))
        ).to_have_count(0)

    # --- How. ---

    def _visit(self, path: str) -> None:
        self._page.goto(path)
        self._ready()

    def _ready(self) -> None:
        self._page.locator("html[data-outbox][data-ready]").wait_for(state="attached")

    def _open_known(self) -> str:
        name = self._random.choice(list(self._paths)[-REMEMBERED:])
        self._visit(self._paths[name])
        return name

    def _to(self, selector: str) -> None:
        """Press Tab until a control has the focus, as somebody does who has no mouse."""
        for _ in range(MOST_TABS):
            if self._page.evaluate(HAS_FOCUS, selector):
                return
            self._page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {selector} on {self._page.url}")

    def _choose_type(self) -> None:
        self._page.keyboard.press("Space")
        for _ in range(self._random.randint(0, 3)):
            self._page.keyboard.press("ArrowRight")

    def _kept(self, name: str) -> Any:
        return self._page.locator("#said", has_text=name).filter(has_text="kept in this browser")

    def _path(self) -> str:
        return self._page.url.removeprefix(self._server.site.url)

    def _did(self, words: str) -> None:
        self.wanted.deeds.append(words)


def check(server: Server, wanted: Wanted, mark: str) -> None:
    """Compare what somebody wanted with what is there.

    Args:
        server: What they worked with; nothing may be on its way to it any more.
        wanted: What they entered.
        mark: What all their names and notes end in.
    """
    token = warmline(server.site.env, "token", "alice@example.com").stdout.strip()
    with Warmline(server.site.url, token) as api:

        def rows(kind: Any, text: str) -> list[Any]:
            return [row for row in api.changes(kind).rows if (row[text] or "").endswith(mark)]

        def is_at_rest() -> bool:
            return all(
                row["sync"]["state"] in AT_REST for row in (*rows("contacts", "name"), *rows("activities", "note"))
            )

        found_in_time(is_at_rest, PATIENCE)
        contacts, activities = rows("contacts", "name"), rows("activities", "note")
    names = {row["id"]: row["name"] for row in contacts}
    _same("contacts", [(row["name"], row["warmness_score"]) for row in contacts], wanted.warmness.items())
    _same("activities", [(row["note"], names.get(row["contact_id"])) for row in activities], wanted.notes.items())
    warm = {row["name"] for row in contacts if row["warmness_score"] >= WARM}
    linked = {row["name"] for row in contacts if row["sync"]["state"] == "synced"}
    _same("warm ones that are not in Pipedrive", warm - linked, ())
    world = (
        httpx.get(f"{server.site.sandbox}/sandbox/world", timeout=PATIENCE, trust_env=False).raise_for_status().json()
    )
    there = [each["name"] for each in world["persons"] if each["name"].endswith(mark)]
    noted = [each["note"] for each in world["activities"] if (each["note"] or "").endswith(mark)]
    _same("persons", there, linked)
    _same("activities in Pipedrive", noted, [row["note"] for row in activities if row["sync"]["state"] == "synced"])


def _same(what: str, found: Iterable[Any], wanted: Iterable[Any]) -> None:
    there, meant = Counter(found), Counter(wanted)
    assert there == meant, f"{what}: {dict(there - meant)} too many, {dict(meant - there)} missing"
