"""Starts are counted in the database and outside of it, and marks tell them: old copies and second ones are noticed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from bench_engine import Bench
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from warmline.crm import marks
from warmline.crm.book import add_contact
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Sandbox, World
from warmline.sync.installation_models import LinkCheck, OtherInstallation, Start
from warmline.sync.models import Notification, NotificationKind
from warmline.sync.remote import other_installations, reconcile_first, restore_detection
from warmline.sync.remote.restore_detection import ELSEWHERE, MADE_ANEW, OLDER, Noted, suspicion

FIELD = "Warmline ID"


@pytest.fixture(autouse=True)
def _marks_that_say_nothing() -> Iterator[None]:
    yield
    marks.use("")


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """Return a data folder of the test's own."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@given(st.integers(0, 2**32 - 1))
def test_a_mark_tells_its_start(number: int) -> None:
    """It is a UUID as all others, of version 8."""
    token = f"{number:08x}"
    marks.use(token)
    mark, other = marks.new_mark(), marks.new_mark()
    assert mark != other
    assert (mark.version, mark.variant) == (8, uuid4().variant)
    assert UUID(str(mark)) == mark
    assert marks.token_of(str(mark)) == token


@pytest.mark.parametrize("text", ["e90640f7-ed0c-4b66-8da8-d0abb3502f8c", "", "Warm Lead", "8" * 36])
def test_what_tells_no_start(text: str) -> None:
    """A mark of a version that did not count, and what is no mark."""
    assert marks.token_of(text) == ""


@pytest.mark.parametrize(
    ("noted", "last", "knows", "place", "expected"),
    [
        (None, None, False, "", ""),  # a new installation, or one of a version that did not count
        (Noted(3, "a"), Start(number=3), True, "", ""),
        (Noted(3, "a"), Start(number=4), True, "", ""),  # another command, or the file was not written
        (Noted(3, "a"), Start(number=2), False, "", OLDER),
        (Noted(3, "a"), Start(number=9), False, "", OLDER),  # another installation's database
        (Noted(3, "a"), None, False, "", OLDER),
        (None, Start(number=2), False, "", ELSEWHERE),
        (None, Start(number=2, place="1/2/3"), False, "1/2/3", ""),  # a new machine, or a container
        (None, Start(number=2, place="1/2/3"), False, "1/9/3", MADE_ANEW),
        (None, Start(number=2, place="1/2/3"), False, "1/2/4", MADE_ANEW),
        (Noted(3, "a"), Start(number=2, place="1/2/3"), False, "1/2/3", OLDER),
        (Noted(2, "a"), Start(number=2), True, "1/2/3", ""),  # moved here from SQLite
    ],
)
def test_suspicion(noted: Noted | None, last: Start | None, *, knows: bool, place: str, expected: str) -> None:
    """Which database is not the one that was in use last."""
    assert suspicion(noted, last, knows_noted=knows, place=place) == expected


@pytest.mark.django_db
def test_starts_are_counted(folder: Path, alice: User) -> None:
    """Each has its own token; the folder knows the last one, and nothing is to be checked."""
    add_contact(alice, name="Jordan Ames")
    assert [restore_detection.begin(), restore_detection.begin()] == ["", ""]
    restore_detection.count_on()
    assert list(Start.objects.order_by("number").values_list("number", flat=True)) == [1, 2, 3]
    assert len(set(Start.objects.values_list("token", flat=True))) == 3
    assert restore_detection.begin() == ""
    assert not reconcile_first.is_on()
    assert [file.name for file in folder.iterdir()] == ["last-start"]


@pytest.mark.django_db
def test_an_older_database_is_checked_first(folder: Path, alice: User) -> None:
    """The folder knows of a start that it does not; the next start is an ordinary one again."""
    add_contact(alice, name="Jordan Ames")
    restore_detection.begin()
    restore_detection.begin()
    Start.objects.filter(number=2).delete()
    assert restore_detection.begin() == OLDER
    assert reconcile_first.is_on()
    assert LinkCheck.objects.get().reason == OLDER
    assert Start.objects.order_by("-number").values_list("number", flat=True)[0] == 3
    LinkCheck.objects.update(ended_at=timezone.now())
    assert restore_detection.begin() == ""
    assert not reconcile_first.is_on()


@pytest.mark.django_db
@pytest.mark.only_on("sqlite")
def test_a_file_that_was_copied_elsewhere_is_checked_first(folder: Path, alice: User) -> None:
    """The folder knows nothing, and the database was started before; a file that cannot be read is none."""
    add_contact(alice, name="Jordan Ames")
    restore_detection.begin()
    (folder / "last-start").write_text("{", encoding="ascii")
    assert restore_detection.begin() == ELSEWHERE


@pytest.mark.django_db
@pytest.mark.only_on("postgres")
def test_tables_that_were_made_anew_are_checked_first(folder: Path, alice: User) -> None:
    """Another machine's folder knows nothing, which is well; that the tables are others is not."""
    add_contact(alice, name="Jordan Ames")
    restore_detection.begin()
    (folder / "last-start").unlink()
    assert restore_detection.begin() == ""
    Start.objects.update(place="1/2/00000001")
    assert restore_detection.begin() == MADE_ANEW


@pytest.mark.django_db
def test_an_empty_database_has_nothing_to_check(folder: Path) -> None:
    """Somebody has begun anew in an old folder."""
    (folder / "last-start").write_text('{"number": 7, "token": "0000abcd"}', encoding="ascii")
    assert restore_detection.begin() == ""
    assert not reconcile_first.is_on()


def _field_code(world: World) -> str:
    return next(str(field["field_code"]) for field in world.fields["persons"] if field["field_name"] == FIELD)


def _foreign(sandbox: Sandbox, world: World, token: str) -> None:
    """Have another installation create a person."""
    marks.use(token)
    sandbox.add("persons", name="Petra Holm", custom_fields={_field_code(world): str(marks.new_mark())})
    marks.use("")


def _told() -> list[str]:
    kind = NotificationKind.OTHER_INSTALLATION
    return list(Notification.objects.filter(kind=kind).values_list("text", flat=True))


@pytest.fixture
def busy(bench: Bench, alice: User, folder: Path) -> Bench:
    """Return an installation that has created a person."""
    restore_detection.begin()
    add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=7)
    bench.settle()
    return bench


def _goes_on(bench: Bench, alice: User) -> None:
    bench.clock.sleep(300)
    number = Contact.objects.count()
    add_contact(alice, name=f"Person {number}", email=f"{number}@example.com", warmness_score=7)
    bench.settle()


@pytest.mark.django_db
def test_another_installation_is_noticed(busy: Bench, alice: User, world: World, sandbox: Sandbox) -> None:
    """By what it creates, once, whatever either is called; our own records are no reason."""
    _goes_on(busy, alice)
    assert OtherInstallation.objects.count() == 0
    _foreign(sandbox, world, "deadbeef")
    _foreign(sandbox, world, "deadbeef")
    _goes_on(busy, alice)
    assert OtherInstallation.objects.get().token == "deadbeef"
    assert len(_told()) == 1
    assert "Another Warmline sends to the same company" in _told()[0]
    assert other_installations.present(timezone.now() + timedelta(days=1)) is not None
    assert other_installations.present(timezone.now() + timedelta(days=60)) is None


@pytest.mark.django_db
def test_after_a_restore_our_own_past_is_no_other_installation(
    busy: Bench, alice: User, world: World, sandbox: Sandbox
) -> None:
    """What a start created that the backup does not know; if it goes on creating, it is one."""
    _foreign(sandbox, world, "deadbeef")
    reconcile_first.begin(reconcile_first.RESTORED)
    restore_detection.begin()
    busy.fill_directory()
    busy.settle()
    assert OtherInstallation.objects.get().is_past
    assert LinkCheck.objects.get().left_there
    assert _told() == []
    busy.clock.sleep(600)
    _foreign(sandbox, world, "deadbeef")
    _goes_on(busy, alice)
    assert len(_told()) == 1


@pytest.mark.django_db
def test_the_old_installation_that_still_runs_is_noticed(
    busy: Bench, alice: User, world: World, sandbox: Sandbox
) -> None:
    """Its start is known from the backup, but what it creates after the restore is not."""
    token = Start.objects.get().token
    reconcile_first.begin(reconcile_first.RESTORED)
    busy.clock.sleep(1)
    restore_detection.begin()
    busy.fill_directory()
    _goes_on(busy, alice)
    assert _told() == []
    _foreign(sandbox, world, token)
    _goes_on(busy, alice)
    assert len(_told()) == 1
