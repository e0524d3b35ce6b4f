"""Preferences: what people decided holds, unless the environment decided, and everyone reads the same."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from pytest_django import DjangoAssertNumQueries, Settings

from warmline.crm import preferences
from warmline.crm.models import Contact
from warmline.sync.policy import Policy

pytestmark = pytest.mark.django_db


def test_nobody_decided() -> None:
    """The defaults of the settings hold."""
    assert (preferences.current().threshold, preferences.current().label) == (4, "Warm Lead")


@pytest.mark.django_db(transaction=True)
def test_a_decision_holds_for_all() -> None:
    """For contacts and engine alike, from the commit on; other values stay."""
    preferences.change({"threshold": 0, "earlier_activities": False})
    preferences.change({"label": "Hot", "activity_types": {"CALL": "lunch"}})
    policy = Policy.current()
    assert (policy.threshold, policy.label, policy.types["CALL"], policy.types["EMAIL"]) == (0, "Hot", "lunch", "email")
    assert Contact(warmness_score=0).is_warm


@pytest.mark.django_db(transaction=True)
def test_a_decision_that_was_rolled_back() -> None:
    """It is forgotten with its transaction."""
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        preferences.change({"threshold": 9})
        raise ZeroDivisionError
    preferences.refresh()
    assert preferences.current().threshold == 4


def test_the_environment_wins(settings: Settings) -> None:
    """And says its name."""
    preferences.change({"threshold": 9, "label": "Hot"})
    settings.FROM_ENVIRONMENT = frozenset({"WARMLINE_WARM_THRESHOLD"})
    assert (preferences.current().threshold, preferences.current().label) == (4, "Hot")
    assert preferences.variable_of("threshold") == "WARMLINE_WARM_THRESHOLD"
    assert preferences.variable_of("label") == preferences.variable_of("activity_types") == ""


@pytest.mark.parametrize("changes", [{"threshold": 11}, {"seats": 0}, {"token_share": 101}, {"label": "a\nb"}])
def test_what_cannot_be_decided(changes: dict[str, Any]) -> None:
    """It is refused, and nothing is written."""
    with pytest.raises(ValidationError):
        preferences.change(changes)
    assert not preferences.StoredPreferences.objects.exists()


def test_reading_costs_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """A list of contacts asks the database for the threshold once, or not at all."""
    preferences.drop_cache()
    with django_assert_num_queries(1):
        assert [Contact(warmness_score=score).is_warm for score in (3, 4, 5)] == [False, True, True]


def test_what_another_process_decided() -> None:
    """It is seen when the row is read again."""
    preferences.change({"threshold": 5})
    assert preferences.current().threshold == 5
    preferences.StoredPreferences.objects.update(threshold=6)
    preferences.refresh()
    assert preferences.current().threshold == 6


@pytest.mark.django_db(transaction=True)
def test_what_another_process_took_back() -> None:
    """It is seen although the row is as it was when this process looked last."""
    preferences.change({"threshold": 5})
    preferences.refresh()
    preferences.change({"threshold": 6})
    assert preferences.current().threshold == 6
    preferences.StoredPreferences.objects.update(threshold=5)  # by another process, before the next look
    preferences.refresh()
    assert preferences.current().threshold == 5
