"""How many guesses there may be: the waits, who counts as one place, and clocks that were wrong."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from warmline.crm import guess_limits
from warmline.crm.guess_limits import PLACE, USER, USER_AT_PLACE, Familiar, Guess, Limit, TooManyGuessesError, network
from warmline.crm.retention import sweep
from warmline.crm.users import User

ALICE = "alice@example.com"
HERE = "192.0.2.1"


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the clock stand still: time passes only where a test says so, however busy the machine is."""
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)


@pytest.fixture
def alice(db: None) -> User:
    """Return Alice."""
    return User.objects.create_user(ALICE, "Alice", "a-long-enough-password")


def admitted(email: str = ALICE, address: str = HERE, browser: str = "") -> int:
    """Guess wrongly; return the seconds to wait, or 0."""
    try:
        guess_limits.at_password(email, address, browser)
    except TooManyGuessesError as error:
        return error.seconds
    return 0


def addresses() -> Iterator[str]:
    """Yield addresses of different people."""
    return (f"198.51.{number // 250}.{number % 250}" for number in range(5000))


@pytest.mark.parametrize(
    ("limit", "made", "wait"),
    [
        (USER_AT_PLACE, 4, 0), (USER_AT_PLACE, 5, 1), (USER_AT_PLACE, 6, 2),
        (USER_AT_PLACE, 13, 256), (USER_AT_PLACE, 14, 300),
        (USER, 9, 0), (USER, 10, 1), (USER, 16, 60), (PLACE, 19, 0), (PLACE, 10**9, 60),
        (Limit(1, 300, 300), 0, 0), (Limit(1, 300, 300), 1, 300), (Limit(6, 3600, 3600), 6, 3600),
    ],
)  # fmt: skip
def test_the_waits(limit: Limit, made: int, wait: int) -> None:
    """The first guesses are free, then each wait is twice the one before, up to the longest."""
    assert limit.wait(made) == wait


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:ffff::7", "2001:db8:0:1::/64"),
        ("2001:db8:0:1::8", "2001:db8:0:1::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("not-an-ip", ""),
    ],
)
def test_a_place(text: str, place: str) -> None:
    """What of an address its owner cannot change at will."""
    assert network(text) == place


@pytest.mark.django_db
def test_one_user_from_many_addresses() -> None:
    """Ten are free, and then one waits, but never for long."""
    waits = [admitted(address=address) for _, address in zip(range(30), addresses(), strict=False)]
    assert waits[:10] == [0] * 10
    assert set(waits[10:]) == {1}
    Guess.objects.update(at=timezone.now() - timedelta(seconds=1))
    assert admitted(address="203.0.113.9") == 0
    assert admitted(address="203.0.113.9") == 2


@pytest.mark.django_db
def test_many_users_from_one_site() -> None:
    """Twenty are free, from whichever address of an IPv6 /64."""
    waits = [admitted(f"user{number}@example.com", f"2001:db8::{number:x}") for number in range(25)]
    assert waits == [0] * 20 + [1] * 5
    assert admitted("another@example.com", "2001:db8:0:1::1") == 0


@pytest.mark.django_db
def test_where_one_is_known(alice: User) -> None:
    """Neither what others guess elsewhere counts there, nor what they guess at others from the same office."""
    guess_limits.remember(alice, HERE, "her-browser")
    for _, address in zip(range(30), addresses(), strict=False):
        admitted(address=address)
    for number in range(30):
        admitted(f"user{number}@example.com")
    assert admitted(address="203.0.113.9")
    assert admitted("bob@example.com")
    for place in ({"address": HERE}, {"address": "203.0.113.9", "browser": "her-browser"}):
        assert [admitted(**place) for _ in range(6)] == [0] * 5 + [1]


@pytest.mark.django_db
def test_another_password_makes_all_places_strange(alice: User) -> None:
    """Whoever knew the old one is as strange as anybody."""
    guess_limits.remember(alice, HERE, "a-browser")
    alice.set_password("another-long-password")
    alice.save()
    for _, address in zip(range(30), addresses(), strict=False):
        admitted(address=address)
    assert admitted(browser="a-browser")


@pytest.mark.django_db
def test_the_right_password() -> None:
    """Who mistypes four times, and then does not, begins at zero there."""
    for _ in range(2):
        assert [admitted() for _ in range(4)] == [0] * 4
        guess_limits.at_password(ALICE, HERE, "").was_right()


@pytest.mark.django_db
def test_what_is_stored() -> None:
    """Nothing of who was guessed, or where."""
    admitted(email="my-password-in-the-wrong-field")
    stored = str(list(Guess.objects.values_list()))
    assert "my-password" not in stored
    assert HERE not in stored


@pytest.mark.django_db
@pytest.mark.parametrize("back", [timedelta(seconds=3), timedelta(days=400)])
def test_a_clock_that_is_set_back(back: timedelta) -> None:
    """What it says was guessed in the future counts for nothing, so nobody waits for it, nor once it gets there."""
    while not admitted():
        pass
    future = timezone.now() + back
    Guess.objects.update(at=future)
    assert admitted() == 0
    assert not Guess.objects.filter(at=future).exists()


@pytest.mark.django_db
def test_no_longer_than_needed(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The day's sweep deletes what counts no more; and however much is guessed, so much is kept."""
    guess_limits.remember(alice, HERE, "a-browser")
    now = timezone.now()
    for days in (-2, 2):
        Guess.objects.create(key="old", at=now + timedelta(days=days))
    Familiar.objects.create(user=alice, place="old", at=now - timedelta(days=91))
    admitted("someone@example.com")
    sweep(now)
    assert (Guess.objects.count(), Familiar.objects.count()) == (3, 2)
    monkeypatch.setattr(guess_limits, "MOST_GUESSES", 6)
    for number in range(5):
        admitted(f"user{number}@example.com")
    assert Guess.objects.count() == 6
    monkeypatch.setattr(guess_limits, "MOST_PLACES", 3)
    for number in range(5):
        guess_limits.remember(alice, HERE, f"browser-{number}")
    assert Familiar.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_many_at_once() -> None:
    """Guessing side by side is no way around."""

    def guess(_: int) -> int:
        try:
            return admitted()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(guess, range(24)))
    assert 1 <= waits.count(0) <= 5
