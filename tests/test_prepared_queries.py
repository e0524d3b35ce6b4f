"""Prepared queries answer as Django's own do, with other parameters at each execution."""

from datetime import timedelta

import pytest
from django.db.models import CharField, DateTimeField, IntegerField, Max
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from warmline.prepared_queries import Parameter, PreparedExistence, PreparedQuery
from warmline.sync.models import Lease

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def lease(key: str, seconds: int) -> None:
    """Store a lease that expires after so many seconds."""
    Lease.objects.create(key=key, holder=key[0], expires_at=NOW + timedelta(seconds=seconds), row_id=seconds)


def test_rows_are_those_of_the_parameters() -> None:
    """One query serves any parameters."""
    keys = PreparedQuery(
        lambda: (
            Lease.objects.filter(holder=Parameter("holder", CharField()), row_id__gte=Parameter("row", IntegerField()))
            .order_by("key")
            .values_list("key", "row_id")
        )
    )
    assert keys.rows(holder="a", row=0) == []
    for key, seconds in (("a1", 1), ("a2", 2), ("b1", 3)):
        lease(key, seconds)
    assert keys.rows(holder="a", row=0) == [("a1", 1), ("a2", 2)]
    assert keys.rows(holder="a", row=2) == [("a2", 2)]
    assert keys.rows(holder="b", row=0) == [("b1", 3)]
    assert keys.rows(holder="%s", row=0) == []


def test_rows_come_as_django_returns_them() -> None:
    """Moments are moments on any database, and rows have the names that they were asked by."""
    ends = PreparedQuery(lambda: Lease.objects.order_by("key").values("key", ends=Max("expires_at")))
    lease("a1", 60)
    expected = {"key": "a1", "ends": NOW + timedelta(seconds=60)}
    assert ends.named_rows() == [expected] == list(Lease.objects.values("key", ends=Max("expires_at")))
    assert ends.rows() == [("a1", NOW + timedelta(seconds=60))]


def test_one_statement_tells_which_querysets_have_rows(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Also of a union, and of one with a moment in it."""
    moment = Parameter("moment", DateTimeField())
    there = PreparedExistence(
        {
            "later": lambda: Lease.objects.filter(expires_at__gt=moment),
            "earlier": lambda: Lease.objects.filter(expires_at__lte=moment),
            "never": Lease.objects.none().union(Lease.objects.filter(key="")).all,
            "any": Lease.objects.all,
        }
    )
    assert there.found(moment=NOW) == set()
    lease("a1", 60)
    with django_assert_num_queries(1):
        assert there.found(moment=NOW) == {"later", "any"}
    with django_assert_num_queries(1):
        assert there.found(moment=NOW + timedelta(seconds=60)) == {"earlier", "any"}


def test_a_parameter_without_a_value_is_an_error() -> None:
    """It says which one is missing."""
    with pytest.raises(KeyError, match="holder"):
        PreparedQuery(lambda: Lease.objects.filter(holder=Parameter("holder", CharField()))).rows()
