"""The arithmetic of the benches, and that what they find can be told; what they measure is `make bench`'s business."""

from xml.etree import ElementTree as ET

import pytest
from bench.figures import Figure, Promise, Result, drawn_sums, least_seconds, percentile
from bench.picture import draw
from bench.table import as_json, lines


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 10), (20, 10), (21, 20), (50, 30), (95, 50), (99, 50), (100, 50)]
)
def test_a_percentile_is_one_of_the_values(percent: float, expected: float) -> None:
    """The least value that so many percent of all do not exceed (nearest rank)."""
    assert percentile([50, 20, 40, 10, 30], percent) == expected


@pytest.mark.parametrize(
    ("calls", "windows", "seconds"),
    [
        (0, ((20, 2.0),), 0),
        (20, ((20, 2.0),), 0),
        (21, ((20, 2.0),), 2),
        (41, ((20, 2.0),), 4),
        (100, ((20, 2.0), (100, 10.0)), 8),
        (101, ((20, 2.0), (100, 10.0)), 10),
        (51, ((20, 2.0), (50, 10.0)), 10),
        (1_050, ((20, 2.0), (100, 10.0)), 104),
    ],
)
def test_the_least_time_keeps_every_window(calls: int, windows: tuple[tuple[int, float], ...], seconds: float) -> None:
    """Each call goes as soon as all windows let it."""
    assert least_seconds(calls, windows) == seconds


def test_sums_are_drawn_from_all_parts() -> None:
    """Parts that are rarely slow together have a sum whose p95 is below the sum of theirs."""
    part = [10.0] * 9 + [100.0]
    sums = drawn_sums(part, part)
    assert set(sums) == {20.0, 110.0, 200.0}
    assert percentile(sums, 95) == 110.0


def test_results_are_told_in_words_numbers_and_a_picture() -> None:
    """A broken promise stands out in all three, and what a name holds is not taken for markup."""
    kept = Figure("activity <p95>", 79.1, "ms", 60.0, "unavoidable", Promise("at most 175", 175))
    broken = Figure("share", 94.0, "%", promise=Promise("at least 95 %", 95, at_least=True))
    result = Result("Burst & more", "A note.", [kept, broken, Figure("told", 0, "calls")])
    told = "\n".join(lines(result))
    assert told.count("BROKEN") == 1
    assert "79.1 ms" in told
    assert "1.32 x" in told
    assert '"holds": false' in as_json([result])
    picture = ET.fromstring(draw([result]))  # noqa: S314 (made by us)
    assert [bar.get("class") for bar in picture.iter("{http://www.w3.org/2000/svg}rect")] == [
        "back",
        "good",
        "bad",
        "told",
    ]
