"""In a real browser: contacts and organizations, from the first click to what the sandbox's page shows."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from e2e.browsing import PATIENCE, People, Site, serving_site
from playwright.sync_api import Browser, Page, expect
from programs import warmline

WIDTH = 390  # pixels, of a phone
PHONE: dict[str, Any] = {"viewport": {"width": WIDTH, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the programs, for all tests here."""
    with serving_site(tmp_path_factory.mktemp("site")) as running:
        yield running


def add(page: Page, name: str, *, email: str = "", organization: str = "", warmness: str = "0") -> None:
    """Add a contact by its form, and end on its page."""
    page.goto("/contacts/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("E-mail", exact=True).fill(email)
    page.get_by_label("Organization").fill(organization)
    page.get_by_label("Warmness").select_option(warmness)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def in_sandbox(site: Site, name: str, email: str) -> int:
    """Have a colleague make a person in Pipedrive, and return its id."""
    body: dict[str, Any] = {
        "do": "add",
        "kind": "persons",
        "name": name,
        "emails": [{"value": email, "primary": True, "label": "work"}],
    }
    return int(
        httpx.post(f"{site.sandbox}/sandbox/people", json=body, timeout=PATIENCE).raise_for_status().json()["id"]
    )


def test_a_lead_from_the_list_to_pipedrive(people: People, site: Site) -> None:
    """Added, warmed up in the list, opened in Pipedrive; an activity logged in two taps and seen there."""
    page = people.member(site)
    add(page, "Jordan Ames", email="jordan@example.com", organization="Larkspur Mills")
    page.get_by_role("link", name="Contacts").first.click()
    badge = page.get_by_role("row", name=re.compile("Jordan Ames")).locator(".badge")
    expect(badge).to_have_text("Not in Pipedrive")
    control = page.get_by_label("Warmness of Jordan Ames")
    control.focus()
    control.select_option("7")
    expect(badge).to_have_text("In Pipedrive")
    expect(control).to_be_focused()

    page.get_by_role("link", name="Jordan Ames").click()
    standing = page.get_by_role("region", name="Pipedrive")
    expect(standing).to_contain_text("In Pipedrive, with all changes made here.")
    with page.expect_popup() as opened:
        standing.get_by_role("link", name="Open in Pipedrive").click()
    expect(opened.value.get_by_text("Jordan Ames").first).to_be_visible()
    assert opened.value.url.startswith(site.sandbox)

    page.get_by_role("radio", name="Call").check(force=True)
    page.get_by_role("button", name="Save").click()
    entry = page.get_by_role("listitem").filter(has_text="Call with Jordan Ames")
    expect(entry.locator(".badge")).to_have_text("In Pipedrive")
    opened.value.reload()
    expect(opened.value.get_by_text("Call with Jordan Ames").first).to_be_visible()


def test_editing_in_place(people: People, site: Site) -> None:
    """Details and activities change where they stand, and faults are said there."""
    page = people.member(site)
    add(page, "Kim Lake")
    details = page.get_by_role("region", name="Details")
    details.get_by_role("link", name="Edit").click()
    expect(details.get_by_label("Name")).to_be_focused()
    expect(details).not_to_have_class(re.compile("htmx-"))  # with which htmx puts it there once more
    details.get_by_label("E-mail", exact=True).fill("no address")
    details.evaluate("(card) => card.querySelector('form').noValidate = true")
    details.get_by_role("button", name="Save").click()
    expect(details).to_contain_text("Enter an e-mail address such as kim@example.com.")
    expect(details.get_by_label("E-mail", exact=True)).to_be_focused()
    page.get_by_text("Subject, note and date").click()
    page.get_by_label("Note").fill("Half a thought")
    details.get_by_label("Name").fill("Kim Lakewood")
    details.get_by_label("E-mail", exact=True).fill("kim@example.com")
    details.get_by_role("button", name="Save").click()
    expect(details.get_by_role("link", name="kim@example.com")).to_be_visible()
    expect(details.get_by_role("link", name="Edit")).to_be_focused()
    expect(page.locator("#said")).to_have_text("Saved.")
    expect(page.get_by_role("heading", name="Kim Lakewood", exact=True)).to_be_visible()
    expect(page).to_have_title("Kim Lakewood · Warmline")
    details.get_by_role("link", name="Edit").click()
    details.get_by_role("link", name="Cancel").click()
    expect(details.get_by_role("link", name="Edit")).to_be_focused()
    expect(page.get_by_label("Note")).to_have_value("Half a thought")
    page.get_by_label("Note").fill("")

    page.get_by_role("radio", name="Meeting").check(force=True)
    page.get_by_label("Date").fill("2999-03-01")
    page.get_by_role("button", name="Save").click()
    entry = page.get_by_role("listitem").filter(has_text="Meeting with Kim Lakewood")
    expect(entry).to_contain_text("to do")
    entry.get_by_role("button", name="Mark done").click()
    expect(entry).not_to_contain_text("to do")
    entry.get_by_role("link", name="Edit").click()
    form = page.locator("#timeline form")
    expect(form.get_by_label("Subject")).to_be_focused()
    form.get_by_role("link", name="Cancel").click()
    entry.get_by_role("link", name="Edit").click()
    form.get_by_label("Subject").fill("Lunch")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Lunch")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_two_tabs(people: People, site: Site, *, scripts: bool) -> None:
    """What was saved in one while the other stood open is not undone there, nor is a note of several lines."""
    one = people.member(site, java_script_enabled=scripts)
    name = f"Robin {scripts}"
    add(one, name)
    one.get_by_role("radio", name="Call").check(force=True)
    one.get_by_text("Subject, note and date").click()
    one.get_by_label("Note").fill("one\ntwo")
    one.get_by_role("button", name="Save").click()
    expect(one.get_by_role("heading", name=f"Call with {name}")).to_be_visible()
    two, contact = one.context.new_page(), one.url.partition("#")[0]
    for part, theirs, ours in (("#details", "E-mail", "Phone"), ("#timeline", "Note", "Subject")):
        for page in (one, two):
            page.goto(contact)
            page.locator(part).get_by_role("link", name="Edit").click()
            expect(page.get_by_role("link", name="Cancel")).to_be_visible()
        for page, label, text in ((two, theirs, f"{theirs}@example.com"), (one, ours, f"Our {ours}")):
            page.get_by_label(label, exact=True).last.fill(text)
            page.locator("form", has_text="Cancel").get_by_role("button", name="Save").click()
            expect(page.get_by_role("link", name="Cancel")).to_have_count(0)
        for text in (f"{theirs}@example.com", f"Our {ours}"):
            expect(one.get_by_text(text).first).to_be_visible()


def test_searching_keeps_the_focus(people: People, site: Site) -> None:
    """The list follows what is typed, the address with it, and a reload shows the same."""
    page = people.member(site)
    for name in ("Robin Vale", "Sam Frost"):
        add(page, name)
    page.goto("/contacts")
    search = page.get_by_label("Search")
    search.press_sequentially("rob")
    expect(page.get_by_role("link", name="Robin Vale")).to_be_visible()
    expect(page.get_by_role("link", name="Sam Frost")).to_have_count(0)
    expect(search).to_be_focused()
    expect(page).to_have_url(re.compile(r"/contacts\?q=rob$"))
    page.get_by_role("radio", name="Warm").check(force=True)
    expect(page.get_by_text("No contacts match")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?q=rob&show=warm$"))
    page.reload()
    expect(page.get_by_text("No contacts match")).to_be_visible()
    expect(search).to_have_value("rob")
    page.get_by_role("link", name="Show all contacts").click()
    expect(page.get_by_role("link", name="Sam Frost")).to_be_visible()


def test_someone_who_is_known(people: People, site: Site) -> None:
    """The form says so while one types; of a colleague's contact nothing is told."""
    page = people.member(site)
    add(page, "Max Heath", email="max@example.com")
    page.goto("/contacts/new")
    page.get_by_label("E-mail", exact=True).press_sequentially("MAX@example.com")
    expect(page.get_by_text("You already have a contact with this e-mail: Max Heath.")).to_be_visible()
    expect(page.get_by_label("E-mail", exact=True)).to_have_value("MAX@example.com")
    expect(page.get_by_label("E-mail", exact=True)).to_be_focused()
    colleague = people.member(site, "bob")
    colleague.goto("/contacts/new")
    colleague.get_by_label("E-mail", exact=True).press_sequentially("max@example.com")
    expect(colleague.get_by_text("A colleague already has this person as a contact.")).to_be_visible()
    expect(colleague.get_by_text("Max Heath")).to_have_count(0)


def test_choosing_between_two(people: People, site: Site) -> None:
    """Both are shown with what is known; the chosen one is linked, and the page says so by itself."""
    for name in ("Alex Reed", "A. Reed"):
        chosen = in_sandbox(site, name, "alex@example.com")
    page = people.member(site)
    add(page, "Alex Reed", email="alex@example.com", warmness="6")
    standing = page.get_by_role("region", name="Pipedrive")
    expect(standing).to_contain_text("Pipedrive has 2 persons with this e-mail")
    expect(standing.get_by_role("link", name="Open in Pipedrive")).to_have_count(2)
    standing.get_by_role("button", name=f"Choose: A. Reed, record {chosen}").click()
    expect(standing).to_contain_text("In Pipedrive, with all changes made here.")
    expect(standing.get_by_role("link", name="Open in Pipedrive")).to_have_attribute(
        "href", f"{site.sandbox}/person/{chosen}"
    )
    standing.get_by_text("Attempts").click()
    expect(standing).to_contain_text(f"Found in Pipedrive and linked: person {chosen}.")


def test_several_at_once(people: People, site: Site) -> None:
    """All on the page are ticked at once, set warm, and two are deleted after asking."""
    page = people.member(site, "bob")
    for name in ("Fay One", "Gil Two", "Hal Three"):
        add(page, name)
    page.goto("/contacts")
    bar = page.get_by_role("group", name="Selected contacts")
    expect(bar).to_be_hidden()
    page.get_by_label("Select all on this page").check()
    expect(bar).to_contain_text("3 selected")
    bar.get_by_label("New warmness").select_option("3")
    bar.get_by_role("button", name="Set").click()
    expect(page.get_by_text("Warmness set to 3 for 3 contacts.")).to_be_visible()
    for name in ("Fay One", "Gil Two"):
        page.get_by_label(f"Select {name}").check()
    with page.expect_download() as download:
        bar.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename.startswith("contacts-")
    bar.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Their records in Pipedrive stay.")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("2 contacts deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="Hal Three")).to_be_visible()
    expect(page.get_by_role("link", name="Fay One")).to_have_count(0)


def test_nothing_is_done_by_mistake(people: People, site: Site) -> None:
    """A button that lacks its choice says so and keeps what is ticked, and Enter on a tick presses none."""
    page = people.member(site, "bob")
    add(page, "Eve Stone")
    page.goto("/contacts?q=eve")
    page.get_by_label("Select Eve Stone").check()
    for button, choice in (("Set", "New warmness"), ("Hand over", "Hand over to")):
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_label(choice)).to_be_focused()
        assert page.get_by_label(choice).evaluate("(it) => !it.checkValidity()")
    page.get_by_label("New warmness").select_option("9")
    page.get_by_label("Select Eve Stone").press("Enter")
    expect(page.get_by_label("Select Eve Stone")).to_be_checked()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Delete 1 contact?")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Eve Stone").click()
    expect(page.get_by_label("Warmness of Eve Stone")).to_have_value("0")


def test_a_field_that_somebody_uses_keeps_the_focus(people: People, site: Site) -> None:
    """A form that replaces the details puts the focus into its first field at once, and never later."""
    page = people.member(site)
    page.goto("/contacts/new")
    page.get_by_label("Name").fill("Early Reader")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Early Reader", exact=True)).to_be_visible()
    page.evaluate(
        """() => {
            const main = document.getElementById("main");
            window.settled = new Promise((settled) => main.addEventListener("htmx:afterSettle", (event) => {
                if (event.target.id === "details") settled();
            }));
            new MutationObserver((_, observer) => {
                const phone = document.querySelector("[name=phone]");
                if (!phone) return;
                observer.disconnect();
                window.wasFirst = document.activeElement.name;
                phone.focus();
            }).observe(main, { childList: true, subtree: true });
        }"""
    )
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.get_by_label("Phone", exact=True)).to_be_focused()
    page.evaluate("window.settled")
    assert page.evaluate("window.wasFirst") == "name"
    expect(page.get_by_label("Phone", exact=True)).to_be_focused()


def test_a_form_is_sent_once(people: People, site: Site) -> None:
    """However often one presses; and after "Back", or once it was refused, it can be sent again."""
    page = people.member(site)
    page.goto("/contacts/new")
    page.get_by_role("button", name="Add", exact=True).dblclick()  # in vain: it needs a name
    page.get_by_label("Name").fill("Twice Pressed")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name="Add", exact=True).dblclick()
    expect(page.get_by_role("heading", name="Twice Pressed", exact=True)).to_be_visible()
    page.get_by_role("radio", name="Call").check(force=True)
    page.get_by_role("button", name="Save").dblclick()
    expect(page.get_by_text("“Call with Twice Pressed” is logged.")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Call with Twice Pressed")).to_have_count(1)
    assert len(sent) == 2
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Phone", exact=True).fill("+49 30 555")
    page.get_by_role("region", name="Details").get_by_role("button", name="Save").dblclick()
    expect(page.get_by_role("region", name="Details")).to_contain_text("+49 30 555")
    assert len(sent) == 3
    page.goto("/contacts/new")
    page.get_by_label("Name").fill("Once More")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Once More", exact=True)).to_be_visible()
    page.go_back()
    page.get_by_label("Name").fill("And Again")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="And Again", exact=True)).to_be_visible()


def test_what_could_not_be_saved(people: People, site: Site) -> None:
    """The control shows what is saved, and what is said of it goes when Warmline can be reached again."""
    page = people.member(site)
    add(page, "Ria Marsh", warmness="2")
    control = page.get_by_label("Warmness of Ria Marsh")
    page.context.set_offline(True)
    control.select_option("7")
    expect(page.locator("#toast-trouble")).to_contain_text("Cannot reach Warmline")
    expect(control).to_have_value("2")
    page.context.set_offline(False)
    control.select_option("3")
    expect(page.locator("#toast-trouble")).to_have_count(0)
    expect(control).to_have_value("3")
    other = page.context.new_page()
    other.goto(f"{page.url}/delete")
    other.get_by_role("button", name="Delete").click()
    control.select_option("8")
    expect(page.locator("#toast-trouble")).to_contain_text("This was deleted")
    expect(control).to_have_value("3")
    people.complaints.clear()  # the browser and htmx name what failed, as they should


def test_one_keeps_ones_place(people: People, site: Site) -> None:
    """Earlier activities take the focus from the button that asked for them, and the way back is the list as it was."""
    page = people.member(site, "bob")
    add(page, "Lou Fen")
    number = page.url.rpartition("/")[2]
    token = warmline(site.env, "token", "bob@example.com").stdout.strip()
    for day in range(1, 24):
        body = {"contact_id": int(number), "type": "CALL", "due_date": f"2026-01-{day:02}", "subject": f"Number {day}"}
        headers = {"Authorization": f"Bearer {token}"}
        httpx.post(f"{site.url}/api/activities", json=body, headers=headers, timeout=PATIENCE).raise_for_status()
    page.goto("/contacts")
    page.get_by_label("Search").press_sequentially("lou")
    expect(page).to_have_url(re.compile(r"\?q=lou$"))
    page.get_by_role("link", name="Lou Fen").click()
    page.get_by_role("link", name="Show earlier activities").press("Enter")
    expect(
        page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Number 3", exact=True))
    ).to_be_focused()
    page.get_by_role("main").get_by_role("link", name="Contacts").click()
    expect(page).to_have_url(re.compile(r"/contacts\?q=lou$"))


def test_without_javascript(people: People, site: Site) -> None:
    """Everything is saved: a contact, its warmness, an activity; searching works by a button."""
    page = people.member(site, java_script_enabled=False)
    add(page, "Ida Moor", organization="Birch")
    page.get_by_label("Warmness of Ida Moor").select_option("5")
    page.get_by_role("button", name="Set").click()
    expect(page.get_by_text("Ida Moor is a warm lead now, and goes to Pipedrive.")).to_be_visible()
    page.get_by_role("radio", name="E-mail").check(force=True)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="E-mail to Ida Moor")).to_be_visible()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Phone", exact=True).fill("+49 30 555")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Details")).to_contain_text("+49 30 555")
    page.goto("/contacts")
    page.get_by_label("Search").fill("ida")
    page.get_by_role("button", name="Search").click()
    page.get_by_label("Warmness of Ida Moor").select_option("8")
    page.get_by_role("row", name=re.compile("Ida Moor")).get_by_role("button", name="Set").click()
    expect(page.get_by_text("Warmness of Ida Moor set to 8.")).to_be_visible()
    expect(page.get_by_label("Search")).to_have_value("ida")


def test_with_the_keyboard_alone(people: People, site: Site) -> None:
    """From the search to a contact, and an activity logged."""
    page = people.member(site)
    add(page, "Noa Wren")
    page.goto("/contacts?q=noa")
    page.get_by_role("link", name="Noa Wren").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Noa Wren", exact=True)).to_be_visible()
    first = page.get_by_role("radio", name="Call")
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="E-mail")).to_be_checked()
    for _ in range(2):  # over what can be opened, to the button
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Save")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="E-mail to Noa Wren")).to_be_visible()


def test_on_a_phone(people: People, site: Site) -> None:
    """Nothing is wider than the screen, and what one taps is large enough for a finger."""
    page = people.member(site, **PHONE)
    add(page, "Pat With A Rather Long Name And-A-Double-Barrelled-One", organization="Larkspur Mills & Daughters")
    contact = page.url
    for path in ("/contacts", contact, "/contacts/new", "/organizations", f"{contact}/edit", f"{contact}/delete"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH, path
        small = page.evaluate(
            """() => [...document.querySelectorAll("main :is(button, select, input, .kind, .filter, .button)")]
                .filter((it) => it.checkVisibility() && !["checkbox", "radio", "hidden"].includes(it.type))
                .filter((it) => it.getBoundingClientRect().height < 44).map((it) => it.outerHTML.slice(0, 100))"""
        )
        assert small == [], path
    page.goto("/organizations")
    page.get_by_role("link", name="Larkspur Mills & Daughters").click()
    expect(page.get_by_role("link", name=re.compile("^Pat With"))).to_be_visible()
