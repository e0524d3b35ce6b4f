"""A form that is sent twice is saved once."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from warmline.crm.book import add_contact
from warmline.crm.idempotency import FORM_REMEMBERED_FOR, KeptAnswer, save_once
from warmline.crm.models import Contact
from warmline.crm.users import User

KEY = UUID("00000000-0000-4000-8000-000000000001")


def adding(owner: User, name: str = "Jordan Ames") -> Callable[[], Contact]:
    """Return what adds a contact."""
    return lambda: add_contact(owner, name=name)


@pytest.fixture
def bob(db: None) -> User:
    """Return Bob."""
    return User.objects.create_user("bob@example.com", "Bob", time_zone="UTC")


@pytest.mark.django_db
def test_the_second_time_leads_to_the_first(alice: User, bob: User) -> None:
    """With the same key, of the same user; without a key each is its own."""
    first = save_once(Contact, alice, KEY, adding(alice))
    assert save_once(Contact, alice, KEY, adding(alice, "Jordan, again")) == first
    for owner, key in ((alice, uuid4()), (bob, KEY), (alice, None), (alice, None)):
        assert save_once(Contact, owner, key, adding(owner)) != first
    assert Contact.objects.count() == 5


@pytest.mark.django_db
def test_what_was_refused_can_be_sent_again(alice: User) -> None:
    """Mended, under the same key."""
    with pytest.raises(ValidationError):
        save_once(Contact, alice, KEY, adding(alice, ""))
    made = save_once(Contact, alice, KEY, adding(alice))
    assert made == Contact.objects.get()


@pytest.mark.django_db
def test_what_was_deleted_since_is_not_made_again(alice: User) -> None:
    """The browser's Back and another press bring nobody back."""
    save_once(Contact, alice, KEY, adding(alice))
    Contact.objects.all().delete()
    assert save_once(Contact, alice, KEY, adding(alice)) is None
    assert not Contact.objects.exists()


@pytest.mark.django_db
def test_keys_do_not_pile_up(alice: User, bob: User) -> None:
    """A user's old ones go with the next."""
    for user in (alice, bob):
        save_once(Contact, user, KEY, adding(user))
    KeptAnswer.objects.update(at=timezone.now() - FORM_REMEMBERED_FOR - timedelta(seconds=1))
    save_once(Contact, alice, uuid4(), adding(alice))
    scopes = sorted([f"user:{alice.pk}", f"user:{bob.pk}"])
    assert sorted(KeptAnswer.objects.values_list("scope", flat=True)) == scopes


@pytest.mark.django_db
@pytest.mark.parametrize("jump", [timedelta(days=3), timedelta(days=-3)])
def test_a_clock_that_is_set_between_two_presses(alice: User, jump: timedelta) -> None:
    """The second press leads to the first one's contact all the same."""
    first = save_once(Contact, alice, KEY, adding(alice))
    KeptAnswer.objects.update(at=timezone.now() - jump)
    assert save_once(Contact, alice, KEY, adding(alice)) == first
    assert Contact.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_at_the_same_moment(alice: User) -> None:
    """Two presses that two threads answer make one contact, and both lead to it."""
    barrier = Barrier(2)
    made: list[Contact | None] = []

    def press(key: UUID) -> None:
        try:
            barrier.wait()
            made.append(save_once(Contact, alice, key, adding(alice)))
        finally:
            connections.close_all()

    for _ in range(20):
        key = uuid4()
        threads = [Thread(target=press, args=(key,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert Contact.objects.count() == 20
    assert len(made) == 40
    assert all(made.count(contact) == 2 for contact in made)
