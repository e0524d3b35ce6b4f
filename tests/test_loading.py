"""Programs load without looking for garbage; afterwards it is looked for as ever, but not in what was loaded."""

import gc
from collections.abc import Iterator

import pytest

from warmline.loading import undisturbed


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_garbage_is_looked_for_afterwards() -> None:
    """Also after a start that failed."""
    with pytest.raises(ValueError, match="no settings"), undisturbed():
        assert not gc.isenabled()
        raise ValueError("no settings")
    assert gc.isenabled()


def test_what_was_loaded_is_not_looked_through_again() -> None:
    """It stands apart from what comes later."""
    loaded: list[object]
    with undisturbed():
        loaded = [[], []]
    assert gc.get_freeze_count() > 0
    assert all(each is not loaded for each in gc.get_objects())
    later: list[object] = [[]]
    assert any(each is later for each in gc.get_objects())
