"""`Idempotency-Key`: what is sent again is answered as the first time, and done once."""

from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from api.caller import Answer, Caller
from django.db import connections
from django.utils import timezone

from warmline.crm import idempotency
from warmline.crm.activities import Activity
from warmline.crm.idempotency import KeptAnswer
from warmline.crm.models import Contact
from warmline.crm.signals import contacts_warmed
from warmline.crm.users import User

DANA = {"name": "Dana", "warmness_score": 5}


def test_the_second_time_is_answered_as_the_first(bob: Caller) -> None:
    """With the same status, body and tag, whatever has become of the row since; the order of fields does not matter."""
    first = bob.post("/contacts", DANA, key="k")
    bob.patch(f"/contacts/{first.body['id']}", {"name": "Eli"})
    again = bob.post("/contacts", dict(reversed(DANA.items())), key="k")
    assert (again.status, again.body, again.headers["ETag"]) == (201, first.body, first.headers["ETag"])
    assert (again.headers["Idempotent-Replayed"], "Idempotent-Replayed" in first.headers) == ("true", False)
    assert Contact.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "body"), [("/contacts", {"name": "Eli"}), ("/activities", DANA), ("/contacts?a=1", DANA)]
)
def test_a_key_is_of_one_request(bob: Caller, path: str, body: Any) -> None:
    """With another body or another address it is refused, and nothing is done."""
    bob.post("/contacts", DANA, key="k")
    assert bob.post(path, body, key="k").problem == (422, "key_reused", "Idempotency-Key")
    assert Contact.objects.count() == 1


def test_a_key_is_of_one_token(bob: Caller) -> None:
    """Another token's is another key, be it the same user's."""
    assert bob.post("/contacts", DANA, key="k").status == 201
    assert Caller(bob.user).post("/contacts", DANA, key="k").status == 201
    assert Contact.objects.count() == 2


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "ü", "a\tb", "\x7f"])
def test_a_bad_key_is_refused(bob: Caller, key: str) -> None:
    """Empty, too long, or not of printable ASCII."""
    answer = bob.post("/contacts", DANA, key=key)
    if key == " ":  # a server strips it, Django's test client does not
        assert answer.status in {201, 422}
        return
    assert answer.problem == (422, "invalid", "Idempotency-Key")
    assert not Contact.objects.exists()


def test_a_refusal_is_kept_too(bob: Caller) -> None:
    """What was not valid is answered so again, and the key is not free for another body."""
    for _ in range(2):
        assert bob.post("/contacts", {"name": ""}, key="k").problem == (422, "invalid", "name")
    assert bob.post("/contacts", DANA, key="k").problem == (422, "key_reused", "Idempotency-Key")


def test_what_says_nothing_of_the_call_is_not_kept(bob: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a 401 and a 500 the same call is made."""
    bob.user.is_active = False
    bob.user.save()
    assert bob.post("/contacts", DANA, key="k").status == 401
    bob.user.is_active = True
    bob.user.save()

    def fail(**_: Any) -> None:
        raise RuntimeError

    contacts_warmed.connect(fail)
    try:
        assert bob.post("/contacts", DANA, key="k").status == 500
    finally:
        contacts_warmed.disconnect(fail)
    assert not KeptAnswer.objects.exists()
    assert not Contact.objects.exists()
    assert bob.post("/contacts", DANA, key="k").status == 201


def test_all_posts_have_it(bob: Caller) -> None:
    """Activities, imports and retries alike."""
    contact = bob.add()["id"]
    calls: list[tuple[str, Any]] = [
        ("/activities", {"contact_id": contact, "type": "CALL"}),
        ("/contacts/import", {"contacts": [{"name": "Eli", "email": "eli@example.org"}, {"name": ""}]}),
        (f"/contacts/{contact}/retry", None),
        ("/sync/retry", None),
    ]
    for path, body in calls:
        first, again = (bob.post(path, body, key=path) for _ in range(2))
        assert (first.status, first.body) == (again.status, again.body)
        assert again.headers["Idempotent-Replayed"] == "true"
    assert (Activity.objects.count(), Contact.objects.count()) == (1, 2)


def test_a_key_is_kept_for_a_day(bob: Caller) -> None:
    """After that it is free for something else, and what was kept goes."""
    bob.post("/contacts", DANA, key="k")
    KeptAnswer.objects.update(at=timezone.now() - idempotency.REMEMBERED_FOR - timedelta(seconds=1))
    assert bob.post("/contacts", {"name": "Eli"}, key="k").status == 201
    KeptAnswer.objects.update(at=timezone.now() - idempotency.REMEMBERED_FOR - timedelta(seconds=1))
    bob.post("/contacts", {"name": "Fay"}, key="another")
    assert list(KeptAnswer.objects.values_list("key", flat=True)) == ["another"]


@pytest.mark.django_db(transaction=True)
def test_while_the_first_runs(bob: Caller) -> None:
    """The second is told to wait; afterwards it is answered as the first."""
    is_there, go_on, answers = Event(), Event(), list[Answer]()

    def hold(**_: Any) -> None:
        is_there.set()
        go_on.wait(60)

    def call() -> None:
        try:
            answers.append(bob.post("/contacts", DANA, key="k"))
        finally:
            connections.close_all()

    contacts_warmed.connect(hold)
    thread = Thread(target=call)
    thread.start()
    try:
        assert is_there.wait(60)
        second = bob.post("/contacts", DANA, key="k")
    finally:
        go_on.set()
        thread.join()
        contacts_warmed.disconnect(hold)
    assert second.problem == (409, "key_in_use", "Idempotency-Key")
    assert second.headers["Retry-After"] == "1"
    assert bob.post("/contacts", DANA, key="k").body == answers[0].body
    assert Contact.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_key_change_and_answer_are_one(bob: Caller) -> None:
    """Whoever dies before the answer is stored has changed nothing."""

    def die(**_: Any) -> None:
        assert User.objects.filter(pk=bob.user.pk).exists()
        raise SystemExit

    contacts_warmed.connect(die)
    try:
        with pytest.raises(SystemExit):
            bob.post("/contacts", DANA, key="k")
    finally:
        contacts_warmed.disconnect(die)
    assert not Contact.objects.exists()
    assert bob.post("/contacts", DANA, key="k").status == 201
