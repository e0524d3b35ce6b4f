"""What people really type: through the API into Pipedrive and back, whole on both sides, or refused clearly."""

import pytest
from api.caller import Caller
from bench_engine import Bench
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warmline.crm.users import User
from warmline.sandbox import World
from warmline.sync import normal_forms
from warmline.sync.note_html import to_html

pytestmark = pytest.mark.django_db

NAMES = [
    "Zoë Ångström",
    "山田 太郎",
    "Мария Іванівна",
    "محمد علي",
    "שרה כהן",
    "نامه‌ای",  # joiners shape letters
    "শ্রী র‍্যাব",
    "Ngọc Ánh",
    "O'Neill-Smith, Jr.",
    "👩🏽‍💻 Ada 🚀",
    "é",  # decomposed
    "ﬃ ligature ①",
    "<script>alert(1)</script>",
    "Robert'); DROP TABLE persons;--",
    "x" * 255,
    "界" * 255,
]


@pytest.fixture
def api(alice: User) -> Caller:
    """Return Alice at the API's door."""
    return Caller(alice)


@pytest.mark.parametrize("name", NAMES)
def test_names_arrive_whole(bench: Bench, world: World, api: Caller, name: str) -> None:
    """In every script, as person and as organization, and unchanged here as well."""
    contact = api.add(name, organization={"name": name}, warmness_score=5)

    bench.settle()

    assert world.persons[1]["name"] == world.organizations[1]["name"] == name
    assert api.get(f"/contacts/{contact['id']}").body["name"] == name


@pytest.mark.parametrize(
    "note",
    [
        "two\nlines",
        "\ttab",
        "<b>bold</b> & <i>more</i>",
        "5,000: " + "界" * 4993,
        " spaces ",
        "a\n\n  b <c@d.example> &amp;",
    ],
)
def test_notes_arrive_whole(bench: Bench, world: World, api: Caller, note: str) -> None:
    """Line breaks, HTML and length are the writer's own business: it is text here, and what shows the same there."""
    activity = api.log(api.add("Jordan Ames", warmness_score=5)["id"], note=note)

    bench.settle()

    assert normal_forms.theirs("note", world.activities[1]["note"]) == normal_forms.theirs("note", to_html(note))
    assert api.get(f"/activities/{activity['id']}").body["note"] == note


@pytest.mark.parametrize("phone", ["+49 (30) 555-01 00", "0049305550100", "555 0100 ext. 7", "ask Kim", "☎ 5550100"])
def test_phones_arrive_in_any_form(bench: Bench, world: World, api: Caller, phone: str) -> None:
    """A phone is what people write."""
    api.add("Jordan Ames", phone=phone, warmness_score=5)
    bench.settle()
    assert [each["value"] for each in world.persons[1]["phones"]] == [phone]


def test_an_e_mail_in_capitals_with_spaces_is_the_same(bench: Bench, world: World, api: Caller) -> None:
    """Trimmed and kept as typed, found by its key: one person for both."""
    api.add("Jordan Ames", email="  Jordan.AMES@Example.COM ", warmness_score=5)
    api.add("J. Ames", email="jordan.ames@example.com", warmness_score=5)
    bench.settle()
    (person,) = world.persons.values()
    assert [each["value"] for each in person["emails"]] == ["Jordan.AMES@Example.COM"]


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2027-03-28 01:59", "2027-03-28 00:59"),
        ("2027-03-28 02:30", "2027-03-28 01:30"),  # does not exist: taken with the offset before
        ("2027-03-28 03:00", "2027-03-28 01:00"),
        ("2027-10-31 01:59", "2027-10-30 23:59"),
        ("2027-10-31 02:30", "2027-10-31 00:30"),  # exists twice: the first one
        ("2027-10-31 03:00", "2027-10-31 02:00"),
    ],
)
def test_due_times_on_the_day_the_clocks_change(bench: Bench, world: World, alice: User, local: str, utc: str) -> None:
    """In Berlin, where the clocks change at night."""
    User.objects.filter(pk=alice.pk).update(time_zone="Europe/Berlin")
    api = Caller(alice)
    due_date, due_time = local.split()
    activity = api.log(api.add("Jordan Ames", warmness_score=5)["id"], due_date=due_date, due_time=due_time)

    bench.settle()

    record = world.activities[1]
    assert f"{record['due_date']} {record['due_time'][:5]}" == utc
    stored = api.get(f"/activities/{activity['id']}").body
    assert (stored["due_date"], stored["due_time"]) == (due_date, due_time)


@given(name=st.text(max_size=300), phone=st.text(max_size=80), note=st.text(max_size=300))
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_arrives_whole_or_is_refused_by_name(
    bench: Bench, world: World, api: Caller, name: str, phone: str, note: str
) -> None:
    """Whatever is typed: 201 and the same text in Pipedrive, or 4xx with the field, and nothing in between."""
    added = api.post("/contacts", {"name": name, "phone": phone, "warmness_score": 5})
    if added.status != 201:
        assert added.problem[2] in {"name", "phone"}
        return
    body = {"contact_id": added.body["id"], "type": "CALL", "subject": "Call", "note": note}
    logged = api.post("/activities", body)
    bench.settle()
    contact = api.get(f"/contacts/{added.body['id']}").body
    person = world.persons[contact["pipedrive_person_id"]]
    assert person["name"] == contact["name"] == name.strip()
    assert [each["value"] for each in person["phones"]] == [phone.strip()][: bool(phone.strip())]
    if logged.status != 201:
        assert logged.problem[2] == "note"
        return
    activity = api.get(f"/activities/{logged.body['id']}").body
    assert (world.activities[activity["pipedrive_activity_id"]].get("note") or "") == note
