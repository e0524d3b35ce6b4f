"""When a delivery is tried again. Pure."""

from datetime import UTC, datetime, timedelta

import pytest

from warmline.webhooks import schedule

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 40), (8, 640), (10, 2560), (11, 3600), (1000, 3600)]
)
def test_the_waits_double_up_to_an_hour(attempts: int, seconds: int) -> None:
    """With up to a tenth more."""
    assert schedule.after_failure(attempts, NOW, NOW, 0).at == NOW + timedelta(seconds=seconds)
    assert schedule.after_failure(attempts, NOW, NOW, 1).at == NOW + timedelta(seconds=seconds * 1.1)


@pytest.mark.parametrize(
    ("age", "at"),
    [
        (timedelta(hours=23), timedelta(hours=24)),
        (timedelta(hours=23, minutes=30), timedelta(hours=24)),
        (timedelta(hours=24), None),
        (timedelta(days=9), None),
    ],
)
def test_it_is_given_up_after_a_day(age: timedelta, at: timedelta | None) -> None:
    """The last attempt comes at the end of the day."""
    wanted_at = NOW - age
    expected = None if at is None else wanted_at + at
    assert schedule.after_failure(30, wanted_at, NOW, 0).at == expected


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (10**6, 300)])
def test_who_does_not_answer_is_left_alone_for_a_while(failures: int, seconds: int) -> None:
    """Up to five minutes."""
    assert schedule.pause(failures) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("status", "since", "is_off"),
    [
        (500, NOW, False),
        (410, NOW, True),
        (None, NOW - timedelta(days=3), True),
        (500, NOW - timedelta(days=2, hours=23), False),
        (500, None, False),
    ],
)
def test_when_it_is_switched_off(status: int | None, since: datetime | None, is_off: bool) -> None:  # noqa: FBT001 (a column)
    """After three days of nothing but failures, or when it says itself that it is gone."""
    assert schedule.is_to_be_switched_off(status, since, NOW) == is_off
