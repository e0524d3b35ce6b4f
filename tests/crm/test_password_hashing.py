"""Password hashes: Django's own, but worked out one at a time, in a thread that steps back."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, identify_hasher, make_password
from pytest_django import Settings

from warmline import settings as ours
from warmline.crm import password_hashing
from warmline.crm.password_hashing import Hasher

FEW = 1000  # rounds, which are enough here


@pytest.fixture(autouse=True)
def _use_ours(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work as outside of tests, where hashes are not worth their time, but with fewer rounds."""
    settings.PASSWORD_HASHERS = ours.PASSWORD_HASHERS
    monkeypatch.setattr(Hasher, "iterations", FEW)


def test_it_is_djangos() -> None:
    """What is stored already goes on being good, and is what Django would have made."""
    stored = PBKDF2PasswordHasher().encode("a password", "salt", FEW)
    assert check_password("a password", stored)
    assert not check_password("another", stored)
    assert Hasher().encode("a password", "salt") == stored
    assert isinstance(identify_hasher(make_password("a password")), Hasher)


def test_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask at once, all of it is done in one thread, and none of theirs."""
    done_in = []

    def encode(self: object, password: str, salt: str, iterations: int | None = None) -> str:
        done_in.append(threading.get_ident())
        return password

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", encode)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda number: Hasher().encode(str(number), "salt"), range(40))) == [
            str(number) for number in range(40)
        ]
    assert len(set(done_in)) == 1
    assert len(done_in) == 40


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own there")
def test_it_steps_back() -> None:
    """Its thread does, and no other one."""

    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = priority()
    behind = password_hashing._WORKER.submit(priority).result()
    assert behind == max(before, password_hashing.NICENESS)
    assert priority() == before
