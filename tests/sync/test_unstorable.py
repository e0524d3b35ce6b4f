"""What Pipedrive answers that no database can hold: it is bounded, or its row is set aside with its reason."""

import json
import random
import unicodedata
from typing import Any

import httpx
import pytest
from api.caller import Caller
from bench_engine import Bench
from meddler import Meddler

from warmline.crm.keys import KEY_LENGTH, key
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import World
from warmline.sync.models import Attempt

pytestmark = pytest.mark.django_db

ODD_IDS = [2**63, 2**70, -(2**70)]


@pytest.fixture
def api(alice: User) -> Caller:
    """Return Alice at the API's door."""
    return Caller(alice)


def _answer(status: int, body: Any) -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body).encode(), headers={"content-type": "application/json"})


def _refused(error: str) -> httpx.Response:
    return _answer(400, {"success": False, "error": error})


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (f"Validation failed: {'x' * 300}: too long", "x" * 80),
        ("Validation failed: na\0me: bad", "name"),
        ("no\0", ""),
        ("\ud800 half a sign", ""),
        ("y" * 100_000, ""),
    ],
)
def test_a_refusal_in_odd_words_fails_its_row(
    bench: Bench, meddler: Meddler, api: Caller, said: str, field: str
) -> None:
    """It fails once, with these words as far as they can be stored, and is not tried again each second."""
    contact_id = api.add("Jordan Ames", email="jordan@example.com", warmness_score=5)["id"]
    meddler.once("POST", "/api/v2/persons", lambda: _refused(said))

    bench.settle(30)

    contact = Contact.objects.get(pk=contact_id)
    assert (contact.pipedrive_sync_failed, contact.pipedrive_sync_error_field) == (True, field)
    assert Attempt.objects.count() == 1


@pytest.mark.parametrize("odd", ODD_IDS)
def test_an_id_beyond_the_database_s_numbers_is_no_answer(
    bench: Bench, world: World, meddler: Meddler, api: Caller, odd: int
) -> None:
    """The create may have been done: it is looked for, and made in the end."""
    contact_id = api.add("Jordan Ames", email="jordan@example.com", warmness_score=5)["id"]
    meddler.once("POST", "/api/v2/persons", lambda: _answer(201, {"success": True, "data": {"id": odd, "name": "J"}}))

    bench.settle(120)

    assert Contact.objects.get(pk=contact_id).pipedrive_person_id == 1
    assert len(world.persons) == 1


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"a\\u0000b"', '"\\ud800"', "9" * 400])
def test_odd_values_of_fields_are_kept_out(bench: Bench, meddler: Meddler, api: Caller, value: str) -> None:
    """What JSON can say and no database can store is left out of what is kept of an answer."""
    contact_id = api.add("Jordan Ames", email="jordan@example.com", warmness_score=5)["id"]
    phones = f'[{{"value": "1", "x": {value}}}]'
    record = f'{{"id": 77, "name": "Jordan Ames", "custom_fields": {{"f": {value}}}, "phones": {phones}}}'
    body = f'{{"success": true, "data": {record}}}'.encode()
    meddler.once("POST", "/api/v2/persons", lambda: httpx.Response(201, content=body))

    bench.settle(5)

    assert Contact.objects.get(pk=contact_id).pipedrive_person_id == 77


def _long_names() -> list[str]:
    """Return names whose keys are far longer than they are, and cannot be compressed."""
    by_length = sorted(map(chr, range(0xA0, 0x1_0000)), key=lambda sign: len(unicodedata.normalize("NFKC", sign)))
    signs = [sign for sign in by_length[-200:] if not unicodedata.category(sign).startswith("C")]
    chance = random.Random(3)
    return ["".join(chance.choices(signs, k=255)) for _ in range(2)]


@pytest.mark.parametrize("name", _long_names())
def test_names_with_long_keys_are_stored_and_found(bench: Bench, world: World, api: Caller, name: str) -> None:
    """An index has short entries, and names that differ at their end only are two all the same."""
    assert len(key(name)) <= KEY_LENGTH < len(unicodedata.normalize("NFKC", name))
    api.add(name, organization={"name": name}, warmness_score=5)
    api.add("Dana Diaz", organization={"name": f"{name[:-1]}x"})
    api.add("Kim Kern", organization={"name": name})

    bench.settle()

    assert world.persons[1]["name"] == world.organizations[1]["name"] == name
    assert [each["name"] for each in api.get("/organizations").body["items"]] == [name, f"{name[:-1]}x"]
