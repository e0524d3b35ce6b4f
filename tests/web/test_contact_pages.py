"""The pages of contacts: who sees whom, what is shown, and what a person can change there."""

import csv
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from web.pages import look

from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, change_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync.audit_models import Finding
from warmline.sync.models import Attempt, Remembered

HTMX = {"HX-Request": "true"}
FAILED = {
    "pipedrive_sync_failed": True,
    "pipedrive_sync_attempts": 1,
    "pipedrive_sync_error_code": "rejected",
    "pipedrive_sync_error_message": "Pipedrive refused this: email is not valid.",
}
MINE, HIS = "Jordan Ames", "Robin Vale"


@pytest.fixture
def jordan(alice: User) -> Contact:
    """Return Jordan, Alice's warm contact."""
    details = OrganizationDetails("Larkspur Mills", sector="Textiles")
    return add_contact(
        alice, name=MINE, email="jordan@example.com", phone="+49 30 555", organization=details, warmness_score=5
    )


@pytest.fixture
def robin(bob: User) -> Contact:
    """Return Robin, Bob's cold contact."""
    return add_contact(bob, name=HIS, email="robin@example.com", warmness_score=1)


@pytest.mark.parametrize(
    ("problem", "values", "said"),
    [
        ("owner", {"owner": [1, 2]}, "Its owner in Pipedrive was user 1 and is Bob Berg."),
        ("label", {"label": [5, None]}, "Its label was removed in Pipedrive."),
    ],
)
def test_what_was_noticed_in_pipedrive_is_said(
    alices: Client, jordan: Contact, problem: str, values: dict[str, Any], said: str
) -> None:
    """On the contact's page, and in the part of it that keeps itself up to date, if it was not said there yet."""
    Remembered.objects.create(name="users", value=[{"id": 2, "name": "Bob Berg"}], at=timezone.now())
    before = alices.get(f"/contacts/{jordan.pk}").context["was"]
    found = {"problem": problem, "fields": sorted(values), "values": values, "found_at": timezone.now()}
    Finding.objects.create(kind="contact", row_id=jordan.pk, record_id=1, **found)
    assert said in look(alices.get(f"/contacts/{jordan.pk}"))
    assert said in look(alices.get(f"/contacts/{jordan.pk}/status?was={before}", headers=HTMX))


def names(html: str) -> list[str]:
    """Return which contacts a list shows."""
    return [name for name in (MINE, HIS, "Kim") if f'aria-label="Select {name}"' in html]


def test_a_member_sees_their_own(bobs: Client, alices: Client, jordan: Contact, robin: Contact) -> None:
    """An admin sees everyone's, and can look at one colleague's."""
    assert names(look(bobs.get("/contacts"))) == [HIS]
    assert names(look(bobs.get(f"/contacts?owner={jordan.owner_id}"))) == []
    assert names(look(alices.get("/contacts"))) == [MINE, HIS]
    assert names(look(alices.get(f"/contacts?owner={robin.owner_id}"))) == [HIS]


@pytest.mark.parametrize("what", ["", "/status", "/attempts", "/edit", "/delete", "/hand-over"])
def test_another_ones_contact_is_not_there(bobs: Client, alices: Client, jordan: Contact, what: str) -> None:
    """Neither to see nor to change; an admin sees it."""
    look(bobs.get(f"/contacts/{jordan.pk}{what}"), 404)
    look(alices.get(f"/contacts/{jordan.pk}{what}"))


@pytest.mark.parametrize(
    "path", ["contacts/{}/warmness", "contacts/{}/retry", "contacts/{}/link", "contacts/{}/activities"]
)
def test_another_ones_contact_cannot_be_changed(bobs: Client, jordan: Contact, path: str) -> None:
    """Nor anything that belongs to it."""
    data = {f"warmness-{jordan.pk}": "9", "create": "yes", "type": "CALL"}
    look(bobs.post(f"/{path.format(jordan.pk)}", data), 404)
    for action in ("warmness", "delete", "hand-over", "retry", "export"):
        response = bobs.post(
            "/contacts/selected", {"ids": [jordan.pk], "action": action, "score": "9", "sure": "yes"}, follow=True
        )
        assert "No contacts selected." in look(response)
    jordan.refresh_from_db()
    assert (jordan.warmness_score, Activity.objects.count()) == (5, 0)


@pytest.mark.parametrize("path", ["/edit", "/done", "/retry", ""])
def test_another_ones_activity_cannot_be_changed(bobs: Client, alice: User, jordan: Contact, path: str) -> None:
    """It is its contact's."""
    activity = log_activity(alice, jordan, type="CALL", done=False)
    look(bobs.post(f"/activities/{activity.pk}{path}", {f"a{activity.pk}-type": "MEETING"}), 404 if path else 405)
    look(bobs.get(f"/activities/{activity.pk}"), 404)
    activity.refresh_from_db()
    assert (activity.done, activity.type) == (False, "CALL")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=jor", [MINE]),
        ("q=larkspur", [MINE]),
        ("q=robin@example.com", [HIS]),
        ("q=nobody", []),
        ("show=warm", [MINE]),
        ("show=waiting", [MINE]),
        ("show=failed", []),
        ("show=synced", []),
        ("show=nonsense&order=nonsense&owner=x&organization=-1&after=nonsense", [MINE, HIS]),
        ("q=%00&order=warmest&before=", [MINE, HIS]),
        ("owner=99999999999999999999999", [MINE, HIS]),
    ],
)
def test_searching_and_narrowing(alices: Client, jordan: Contact, robin: Contact, query: str, found: list[str]) -> None:
    """What is typed or mistyped into the address; the fragment shows the same and keeps the address short."""
    page = look(alices.get(f"/contacts?{query}"))
    assert names(page) == found
    assert ("No contacts match" in page) == (not found)
    response = alices.get(f"/contacts?{query}&owner=&order=name", headers={**HTMX, "HX-Trigger": "filters"})
    fragment = look(response)
    assert names(fragment) == found
    assert "<html" not in fragment
    assert response["HX-Replace-Url"].startswith("/contacts")
    assert "owner=&" not in response["HX-Replace-Url"]


def test_an_organizations_contacts(alices: Client, jordan: Contact, robin: Contact) -> None:
    """The filter is named, and can be taken away."""
    html = look(alices.get(f"/contacts?organization={jordan.organization_id}"))
    assert names(html) == [MINE]
    assert f'name="organization" value="{jordan.organization_id}" checked' in html


def test_contacts_of_a_tag_and_a_source(alices: Client, jordan: Contact, robin: Contact) -> None:
    """The contact's page leads there; each filter is named, and can be taken away."""
    change_contact(jordan, {"tags": "A & B, VIP", "source": "Fair, 12 Nov 2026"})
    page = look(alices.get(f"/contacts/{jordan.pk}"))
    assert '<a href="/contacts?tag=A%20%26%20B">A &amp; B</a>' in page
    assert 'href="/contacts?source=Fair%2C%2012%20Nov%202026"' in page
    html = look(alices.get("/contacts?tag=A%20%26%20B&source=Fair%2C%2012%20Nov%202026"))
    assert names(html) == [MINE]
    assert 'name="tag" value="A &amp; B" checked' in html
    assert 'name="source" value="Fair, 12 Nov 2026" checked' in html
    assert names(look(alices.get("/contacts?tag=A"))) == []
    assert "A%20%26%20B" in alices.get("/contacts?tag=A+%26+B").context["whole"].replace("+", "%20")


def test_no_contacts_yet(bobs: Client) -> None:
    """The list says what to do."""
    html = look(bobs.get("/contacts"))
    assert "No contacts yet" in html
    assert 'href="/contacts/new"' in html


def test_turning_pages(bobs: Client, bob: User) -> None:
    """Forwards and back again, in any order; every page is small, and takes as many queries."""
    for number in range(120):
        add_contact(bob, name=f"Somebody With A Long Name Number {number:03}", email=f"somebody{number}@example.org")
    counts, seen = [], []
    path = "/contacts?order=added"
    while path:
        with CaptureQueriesContext(connection) as queries:
            html = look(bobs.get(path))
        counts.append(len(queries))
        seen.append([name for name in range(120) if f"Number {name:03}</a>" in html])
        path = _link(html, "next")
        back = _link(html, "prev")
    assert [len(page) for page in seen] == [50, 50, 20]
    assert sorted(number for page in seen for number in page) == list(range(120))
    assert counts[0] == counts[1] == counts[2]
    assert counts[0] <= 14
    assert "Number 069</a>" in look(bobs.get(back))


def test_a_place_of_another_list(bobs: Client, bob: User, robin: Contact) -> None:
    """A timeline's is none of a list of contacts, nor the other way round: each begins anew."""
    for number in range(60):
        add_contact(bob, name=f"Number {number}")
        latest = log_activity(bob, robin, type="CALL", due_date=date(2026, 3, 1))
    for order in ("name", "recent"):
        contacts, timeline = f"/contacts?order={order}", f"/contacts/{robin.pk}"
        place = _link(look(bobs.get(contacts)), "next").partition("after=")[2]
        assert f'id="activity-{latest.pk}"' in look(bobs.get(f"{timeline}?before={place}"))
        before = look(bobs.get(timeline)).partition("?before=")[2].partition('"')[0].partition("#")[0]
        html = look(bobs.get(f"{contacts}&after={before}"))
        assert (_link(html, "prev"), bool(_link(html, "next"))) == ("", True)


def _link(html: str, rel: str) -> str:
    _, found, rest = html.partition(f'rel="{rel}" href="')
    return rest.partition('"')[0].replace("&amp;", "&") if found else ""


def test_warmness_in_place(bobs: Client, robin: Contact) -> None:
    """With htmx the control and the badge come back; without it one is led back to where one was."""
    html = look(bobs.post(f"/contacts/{robin.pk}/warmness", {f"warmness-{robin.pk}": "6"}, headers=HTMX))
    assert "<option selected>6" in html
    assert f'id="badge-contact-{robin.pk}" hx-swap-oob="true" class="badge badge-wanted"' in html
    data = {f"warmness-{robin.pk}": "2", "query": "?q=robin"}
    response = bobs.post(f"/contacts/{robin.pk}/warmness", data)
    assert (response.status_code, response["Location"]) == (302, "/contacts?q=robin")
    response = bobs.post(f"/contacts/{robin.pk}/warmness", {f"warmness-{robin.pk}": "3"})
    assert response["Location"] == f"/contacts/{robin.pk}"
    for wrong in ("11", "-1", "", "x"):
        look(bobs.post(f"/contacts/{robin.pk}/warmness", {f"warmness-{robin.pk}": wrong}), 400)
    robin.refresh_from_db()
    assert robin.warmness_score == 3


def test_adding(bobs: Client, bob: User) -> None:
    """It becomes the user's; what is wrong is said beside its field, and nothing is lost."""
    data = {"name": "", "email": "no address", "organization": "x" * 300, "warmness_score": "5"}
    html = look(bobs.post("/contacts/new", data))
    assert 'value="no address"' in html
    assert Contact.objects.count() == 0
    html = look(bobs.post("/contacts/new", {**data, "name": "Kim", "organization": ""}))
    assert "Enter an e-mail address such as kim@example.com." in html
    html = look(bobs.post("/contacts/new", {"name": "Kim", "organization": "x" * 300, "warmness_score": "5"}))
    assert "at most 255 characters" in html
    data = {"name": " Kim ", "email": "kim@example.com", "organization": "Larkspur Mills", "warmness_score": "5"}
    response = bobs.post("/contacts/new", data, follow=True)
    assert "Kim added." in look(response)
    kim = Contact.objects.get()
    assert (kim.owner, kim.name, kim.warmness_score, str(kim.organization)) == (bob, "Kim", 5, "Larkspur Mills")
    assert 'value="Larkspur Mills"' in look(bobs.get("/contacts/new?organization=Larkspur+Mills"))


def test_a_form_that_is_sent_twice(bobs: Client, robin: Contact) -> None:
    """Adds one contact and logs one activity, and leads to it both times."""
    for path, data, words in (
        ("/contacts/new", {"name": "Kim", "warmness_score": "0"}, "Kim added."),
        (f"/contacts/{robin.pk}/activities", {"type": "CALL"}, "“Call with Robin Vale” is"),
    ):
        (key,) = re.findall(
            r'name="idempotency_key" value="([0-9a-f-]{36})"', look(bobs.get(path.removesuffix("/activities")))
        )
        pages = [look(bobs.post(path, {**data, "idempotency_key": key}, follow=True)) for _ in range(2)]
        assert all(words in page for page in pages)
    assert (Contact.objects.filter(name="Kim").count(), Activity.objects.count()) == (1, 1)


def test_whether_someone_is_known(bobs: Client, alices: Client, jordan: Contact, robin: Contact) -> None:
    """Of whom one may see, who; of others only that a colleague knows them."""
    assert "A colleague already has this person as a contact." in look(
        bobs.get("/contacts/known?email=JORDAN@example.com")
    )
    assert MINE not in look(bobs.get("/contacts/known?email=jordan@example.com"))
    assert f'href="/contacts/{robin.pk}"' in look(bobs.get("/contacts/known?email=robin@example.com"))
    assert "Bob already has a contact with this e-mail" in look(alices.get("/contacts/known?email=robin@example.com"))
    for nobody in ("", "kim@example.com"):
        assert look(bobs.get(f"/contacts/known?email={nobody}")).strip() == ""


def test_the_page_of_a_contact(alices: Client, jordan: Contact) -> None:
    """Its details, where it stands and why; the queries do not grow with what is logged."""
    counts = []
    for _ in range(2):
        for number in range(6):
            log_activity(jordan.owner, jordan, type="CALL", note=f"Call {number}\n<b>")
        with CaptureQueriesContext(connection) as queries:
            html = look(alices.get(f"/contacts/{jordan.pk}"))
        counts.append(len(queries))
    for part in (
        MINE,
        "jordan@example.com",
        'href="tel:+4930555"',
        "Larkspur Mills",
        "Waiting to be sent to Pipedrive",
    ):
        assert part in html
    assert "Sending is paused. No Pipedrive API token is set" in html
    assert "Call 5<br>&lt;b&gt;" in html
    assert f'id="badge-activity-{Activity.objects.latest("pk").pk}"' in html
    assert counts[0] == counts[1] <= 20


def test_changing_details(alices: Client, jordan: Contact) -> None:
    """Errors come back in place; htmx shows the form in the page."""
    page = look(alices.get(f"/contacts/{jordan.pk}/edit"))
    assert 'value="jordan@example.com"' in page
    assert "hx-post" not in page.partition('id="details"')[2]  # there are no details on it to come back to
    form = look(alices.get(f"/contacts/{jordan.pk}/edit", headers=HTMX))
    assert "<html" not in form
    assert f'hx-get="/contacts/{jordan.pk}">Cancel' in form
    html = look(alices.get(f"/contacts/{jordan.pk}", headers={**HTMX, "HX-Target": "details"}))
    assert re.match(r'\s*<section class="card" id="details"', html)
    data = {"name": "Jordan Amesbury", "email": jordan.email, "phone": jordan.phone, "organization": "Larkspur Mills"}
    response = alices.post(f"/contacts/{jordan.pk}/edit", data)
    assert response["Location"] == f"/contacts/{jordan.pk}"
    html = look(alices.post(f"/contacts/{jordan.pk}/edit", {**data, "organization": ""}, headers=HTMX))
    assert "<title>Jordan Amesbury · Warmline</title>" in html
    for part in (
        'id="details"',
        'id="head" hx-swap-oob="true"',
        'id="said" hx-swap-oob="innerHTML">Saved.',
        "autofocus",
    ):
        assert part in html
    assert re.search(r'id="in-pipedrive"[^>]* hx-swap-oob="true"', html)
    html = look(alices.post(f"/contacts/{jordan.pk}/edit", {**data, "email": "x"}))
    assert "Enter an e-mail address such as kim@example.com." in html
    html = look(alices.post(f"/contacts/{jordan.pk}/edit", {**data, "name": " "}))
    assert "<h1>Jordan Amesbury</h1>" in html
    jordan.refresh_from_db()
    assert (jordan.name, jordan.organization) == ("Jordan Amesbury", None)


def test_logging_in_two_taps(bobs: Client, bob: User, robin: Contact) -> None:
    """A type is enough: done now, in the user's zone, with a subject."""
    response = bobs.post(f"/contacts/{robin.pk}/activities", {"type": "CALL", "done": "on"}, follow=True)
    html = look(response)
    assert "“Call with Robin Vale” is logged." in html
    call = Activity.objects.get()
    now = timezone.localtime(timezone=bob.zone)
    assert (call.done, call.due_date, call.time_zone) == (True, now.date(), "Europe/Berlin")
    assert call.due_time is not None
    robin.refresh_from_db()
    assert robin.last_contacted == now.date()


@pytest.mark.parametrize(
    ("data", "done", "says"),
    [
        ({"due_date": "2999-01-01", "done": "on"}, False, "is planned"),
        ({"due_date": "2020-01-01", "due_time": "10:30", "done": "on"}, True, "is logged"),
        ({"due_date": "2020-01-01"}, False, "is planned"),
        ({}, False, "is planned"),
        ({"due_time": "00:00", "done": "on"}, True, "is logged"),
    ],
)
def test_when_an_activity_is_done(bobs: Client, robin: Contact, data: dict[str, str], done: bool, says: str) -> None:  # noqa: FBT001 (a column of the table)
    """What is yet to come is not done, whatever the box says."""
    response = bobs.post(f"/contacts/{robin.pk}/activities", {"type": "MEETING", **data}, follow=True)
    assert says in look(response)
    assert Activity.objects.get().done is done


@pytest.mark.parametrize(
    ("data", "done"),
    [
        ({"due_date": "2026-03-11"}, True),
        ({"due_date": "2026-03-12"}, False),
        ({"due_date": "2026-03-11", "due_time": "00:30"}, True),
        ({"due_date": "2026-03-11", "due_time": "00:31"}, False),
        ({"due_time": "00:31"}, False),
    ],
)
def test_what_is_due_today(
    bobs: Client,
    bob: User,
    robin: Contact,
    monkeypatch: pytest.MonkeyPatch,
    data: dict[str, str],
    done: bool,  # noqa: FBT001 (a column of the table)
) -> None:
    """As by the API: today where Bob is, and a time that is still to come is not done."""
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 3, 10, 23, 30, tzinfo=UTC))
    bobs.force_login(bob, "django.contrib.auth.backends.ModelBackend")  # a session of that time
    bobs.post(f"/contacts/{robin.pk}/activities", {"type": "MEETING", "done": "on", **data})
    assert Activity.objects.get().done is done


def test_what_cannot_be_logged(bobs: Client, robin: Contact) -> None:
    """The page comes back with what was typed, opened where the fault is."""
    html = look(bobs.post(f"/contacts/{robin.pk}/activities", {"note": "a\x00b", "due_date": "soon"}))
    assert "Choose a type" in html
    assert "<details open>" in html
    html = look(bobs.post(f"/contacts/{robin.pk}/activities", {"type": "CALL", "due_date": "9999-12-31"}))
    assert 'id="id_due_date_error"' in html
    assert Activity.objects.count() == 0


def test_the_timeline(bobs: Client, bob: User, robin: Contact) -> None:
    """The latest first, in pages; with htmx the next part alone."""
    for day in range(1, 26):
        log_activity(bob, robin, type="CALL", subject=f"Number {day:02}", due_date=date(2026, 3, day))
    html = look(bobs.get(f"/contacts/{robin.pk}"))
    assert [day for day in range(1, 26) if f"<h3>Number {day:02}</h3>" in html] == list(range(6, 26))
    assert html.index("Number 25") < html.index("Number 24")
    path = html.partition('hx-get="/contacts/')[2]
    path = f"/contacts/{robin.pk}?before=" + html.partition("?before=")[2].partition('"')[0].partition("#")[0]
    part = look(bobs.get(path, headers=HTMX))
    assert [day for day in range(1, 26) if f"<h3>Number {day:02}</h3>" in part] == list(range(1, 6))
    assert "<html" not in part
    assert part.count("autofocus") == 1
    assert part.index("autofocus") < part.index("Number 05")
    assert "Number 05" in look(bobs.get(path))


def test_why_an_activity_stays_here(bobs: Client, alices: Client, bob: User, jordan: Contact, robin: Contact) -> None:
    """Of one who is not warm it is said once, above all of them; of others beside each of which there is something."""
    for _ in range(3):
        log_activity(bob, robin, type="CALL")
    html = look(bobs.get(f"/contacts/{robin.pk}"))
    assert (html.count("until Robin Vale is warm"), html.count("Robin Vale is not warm")) == (1, 0)
    call = log_activity(jordan.owner, jordan, type="CALL", note="Long. " * 100)
    Activity.objects.filter(pk=call.pk).update(**FAILED)
    html = look(alices.get(f"/contacts/{jordan.pk}"))
    assert "is not warm" not in html
    assert "Pipedrive refused this: email is not valid." in html
    assert '<details class="note">' in html


def test_marking_done_and_changing(bobs: Client, bob: User, robin: Contact) -> None:
    """One press; with htmx the entry comes back, without it the page."""
    meeting = log_activity(bob, robin, type="MEETING", done=False)
    entry = look(bobs.post(f"/activities/{meeting.pk}/done", headers=HTMX))
    assert f'id="activity-{meeting.pk}"' in entry
    assert "Mark done" not in entry
    response = bobs.post(f"/activities/{meeting.pk}/done")
    assert response["Location"] == f"/contacts/{robin.pk}#activity-{meeting.pk}"
    for headers in ({}, HTMX):
        form = look(bobs.get(f"/activities/{meeting.pk}/edit", headers=headers))
        assert 'value="Meeting with Robin Vale"' in form
    named = {f"a{meeting.pk}-{name}": value for name, value in {"type": "CALL", "subject": "", "done": "on"}.items()}
    assert "Enter the subject." in look(bobs.post(f"/activities/{meeting.pk}/edit", named, headers=HTMX))
    named[f"a{meeting.pk}-subject"] = "Talked"
    assert "<h3>Talked</h3>" in look(bobs.post(f"/activities/{meeting.pk}/edit", named, headers=HTMX))
    assert "<h3>Talked</h3>" in look(bobs.get(f"/activities/{meeting.pk}", headers=HTMX))
    meeting.refresh_from_db()
    assert (meeting.type, meeting.subject, meeting.done) == ("CALL", "Talked", True)


def test_where_it_stands(alices: Client, jordan: Contact) -> None:
    """A failure with its reason, every attempt, and a new try; the part is sent only when it is another one."""
    Contact.objects.update(**FAILED)
    Attempt.objects.bulk_create(
        Attempt(kind="contact", row_id=jordan.pk, at=timezone.now(), ok=False, text=f"In vain {number}.")
        for number in range(60)
    )
    html = look(alices.get(f"/contacts/{jordan.pk}"))
    assert "Pipedrive refused this: email is not valid." in html
    assert "In vain 59." in html
    assert "In vain 50." not in html
    was = html.partition("status?was=")[2].partition('"')[0]
    assert alices.get(f"/contacts/{jordan.pk}/status?was={was}").status_code == 204
    page = look(alices.get(f"/contacts/{jordan.pk}/attempts"))
    assert ("In vain 59." in page, "In vain 5." in page) == (True, False)
    assert "In vain 5." in look(alices.get(_link(page, "next")))
    assert "Trying again to send Jordan Ames" in look(alices.post(f"/contacts/{jordan.pk}/retry", follow=True))
    assert "Waiting to be sent" in look(alices.get(f"/contacts/{jordan.pk}/status?was={was}"))
    assert "Nothing has failed for Jordan Ames" in look(alices.post(f"/contacts/{jordan.pk}/retry", follow=True))


@pytest.mark.parametrize(
    ("data", "chosen", "makes_new"),
    [({"pipedrive_id": "12"}, 12, False), ({"create": "yes"}, None, True), ({"pipedrive_id": "99"}, None, False)],
)
def test_choosing_between_candidates(
    alices: Client,
    jordan: Contact,
    data: dict[str, str],
    chosen: int | None,
    makes_new: bool,  # noqa: FBT001 (a column)
) -> None:
    """One of those that were found, or a new one; nothing else."""
    candidates = [{"pipedrive_id": 11, "name": "J. Ames"}, {"pipedrive_id": 12, "name": "Jordan A."}]
    ambiguous = {**FAILED, "pipedrive_sync_error_code": "ambiguous", "pipedrive_candidates": candidates}
    Contact.objects.update(**ambiguous)
    html = look(alices.get(f"/contacts/{jordan.pk}"))
    for part in ("J. Ames", "Record 12", "Create a new record"):
        assert part in html
    assert re.search(r'id="badge-contact-\d+" class="badge badge-choice"[^>]*>.*Choose</span>', html)
    look(alices.post(f"/contacts/{jordan.pk}/link", data, follow=True))
    jordan.refresh_from_db()
    assert (jordan.pipedrive_chosen_id, jordan.pipedrive_make_new) == (chosen, makes_new)
    assert jordan.pipedrive_sync_failed == (chosen is None and not makes_new)
    look(alices.post(f"/contacts/{jordan.pk}/link", {}), 400)
    Contact.objects.update(pipedrive_person_id=12)
    assert "already linked to Pipedrive" in look(
        alices.post(f"/contacts/{jordan.pk}/link", {"create": "yes"}, follow=True)
    )


def test_choosing_whether_one_is_the_same(alices: Client, jordan: Contact) -> None:
    """A single candidate with another name: both names, and the way to a new one."""
    message = "Pipedrive has 1 person with this e-mail: “Petra Maier”. The name here is “Jordan Ames”."
    ambiguous = {"pipedrive_sync_error_code": "ambiguous", "pipedrive_sync_error_message": message}
    candidates = [{"pipedrive_id": 11, "name": "Petra Maier"}]
    Contact.objects.update(**{**FAILED, **ambiguous, "pipedrive_candidates": candidates})
    html = look(alices.get(f"/contacts/{jordan.pk}"))
    for part in (message, "Choose: Petra Maier, record 11", "Not this one", "Create a new record"):
        assert part in html
    assert "None of these" not in html


def test_opening_it_in_pipedrive(alices: Client, jordan: Contact, settings: Any) -> None:
    """A link to where people see it."""
    settings.PIPEDRIVE_BASE_URL = "http://127.0.0.1:9000"
    Contact.objects.update(pipedrive_person_id=12)
    assert 'href="http://127.0.0.1:9000/person/12" target="_blank"' in look(alices.get(f"/contacts/{jordan.pk}"))


def test_deleting_asks_first(alices: Client, jordan: Contact) -> None:
    """And says that the record in Pipedrive stays."""
    log_activity(jordan.owner, jordan, type="CALL")
    Contact.objects.update(pipedrive_person_id=12)
    html = look(alices.get(f"/contacts/{jordan.pk}/delete"))
    assert "and 1 activity will be deleted here. For ten minutes you can undo this." in html
    assert "The record in Pipedrive and its activities stay" in html
    assert "Jordan Ames deleted." in look(alices.post(f"/contacts/{jordan.pk}/delete", follow=True))
    assert Contact.objects.count() == 0


def test_handing_one_over(bobs: Client, alice: User, robin: Contact) -> None:
    """Who hands it over does not see it any more; nobody gets it who is not there."""
    look(bobs.post(f"/contacts/{robin.pk}/hand-over", {"to": "99"}), 404)
    response = bobs.post(f"/contacts/{robin.pk}/hand-over", {"to": alice.pk}, follow=True)
    assert "Robin Vale handed over to Alice." in look(response)
    look(bobs.get(f"/contacts/{robin.pk}"), 404)


def test_several_at_once(alices: Client, bob: User, jordan: Contact, robin: Contact) -> None:
    """Set warmness, try again, hand over, and delete after asking."""
    Contact.objects.filter(pk=jordan.pk).update(**FAILED)
    ids = [jordan.pk, robin.pk]

    def act(action: str, **more: Any) -> str:
        data = {"ids": ids, "action": action, "query": "?order=added", **more}
        response = alices.post("/contacts/selected", data, follow=True)
        return look(response)

    assert "Choose a warmness" in act("warmness", score="11")
    assert "Warmness set to 7 for 2 contacts." in act("warmness", score="7")
    Contact.objects.filter(pk=jordan.pk).update(**FAILED)
    assert "Trying again: 1 of 2 contacts." in act("retry")
    assert "None of the 2 contacts had failed" in act("retry")
    assert "Choose a colleague" in act("hand-over", to="")
    assert "1 contact handed over to Bob. Bob already had 1 contact of these." in act("hand-over", to=bob.pk)
    assert "Delete 2 contacts?" in act("delete")
    assert Contact.objects.count() == 2
    assert "2 contacts deleted." in act("delete", sure="yes")
    assert Contact.objects.count() == 0
    look(alices.post("/contacts/selected", {"ids": ids, "action": "nonsense"}), 400)


def download(client: Client, method: str, path: str, **data: Any) -> list[list[str]]:
    """Return the cells of a CSV file, as a browser gets it from an asynchronous server."""

    async def ask() -> str:
        browser = AsyncClient()
        browser.cookies = client.cookies
        response = await getattr(browser, method)(path, data)
        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/csv")
        return b"".join([part async for part in response.streaming_content]).decode("utf-8-sig")

    return list(csv.reader(async_to_sync(ask)().splitlines()))


def test_exporting(alices: Client, bobs: Client, alice: User, jordan: Contact, robin: Contact) -> None:
    """What is selected, or a whole list; one's own only, and no cell that a spreadsheet would run."""
    add_contact(alice, name="=1+1", email="kim@example.com")
    head, *rows = download(alices, "get", "/contacts/export")
    assert head[:2] == ["Name", "E-mail"]
    assert [row[0] for row in rows] == ["'=1+1", MINE, HIS]
    assert rows[1] == [
        MINE,
        "jordan@example.com",
        "+49 30 555",
        "Larkspur Mills",
        "Textiles",
        "",
        "5",
        *[""] * 5,
        "",
        "alice@example.com",
    ]
    assert [row[0] for row in download(alices, "get", "/contacts/export", q="jordan")[1:]] == [MINE]
    assert [row[0] for row in download(bobs, "get", "/contacts/export")[1:]] == [HIS]
    selected = {"ids": [jordan.pk, robin.pk], "action": "export"}
    assert [row[0] for row in download(bobs, "post", "/contacts/selected", **selected)[1:]] == [HIS]
    for number in range(700):
        Contact.objects.create(owner=robin.owner, name=f"Kim {number:03}")
    assert len(download(bobs, "get", "/contacts/export")) == 702
