"""What the doctor finds of a token and its account, and its cure."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from pytest_django import Settings

from warmline.crm import preferences
from warmline.pipedrive import Limiter, Pipedrive, Usage, Window
from warmline.sandbox import Sandbox, SandboxTransport, World
from warmline.sync.policy import Policy
from warmline.sync.remote import doctor
from warmline.sync.remote.doctor import Finding, examine

pytestmark = pytest.mark.django_db

TOKEN = "sandbox-token"


@pytest.fixture
def found(policy: Policy) -> Callable[..., list[Finding]]:
    """Return what the doctor finds at a sandbox with the clock of this machine."""

    def look(world: World, token: str = TOKEN) -> list[Finding]:
        with Pipedrive(
            "http://sandbox", token, transport=SandboxTransport(Sandbox(world)), limiter=Limiter()
        ) as pipedrive:
            return list(examine(pipedrive, policy))

    return look


@pytest.fixture
def here() -> World:
    """Return the sample company, whose clock is that of this machine."""
    return World.sample(token=TOKEN)


def problems(findings: list[Finding]) -> list[str]:
    """Return the texts of those that are not well."""
    return [each.text for each in findings if not each.well]


def test_all_is_well(found: Callable[..., list[Finding]], here: World) -> None:
    """Each check has its line."""
    findings = found(here)
    assert problems(findings) == []
    text = " ".join(each.text for each in findings)
    for words in ("Alder & Finch", "is an administrator", "clock agrees", "label", "types", "plan", "tokens"):
        assert words in text


def test_a_token_that_does_not_show_everything(found: Callable[..., list[Finding]], here: World) -> None:
    """What it does not show would be created a second time."""
    here.add_user("Dana Member", "dana@example.com", token="danas-token")
    (text,) = problems(found(here, "danas-token"))
    assert text.startswith("Dana Member is no administrator in Pipedrive")
    assert text.endswith("Use the token of an administrator.")


@pytest.mark.parametrize(("minutes", "way"), [(10, "behind"), (-10, "ahead of")])
def test_the_clocks_are_apart(found: Callable[..., list[Finding]], minutes: int, way: str) -> None:
    """By how much, and which way."""
    world = World.sample(lambda: time.time() + 60 * minutes, token=TOKEN)
    assert f"The clock here is about 10 minutes {way} Pipedrive's. Set it, best by NTP." in problems(found(world))


def test_a_field_of_another_type(found: Callable[..., list[Finding]], here: World) -> None:
    """Somebody has made a number of that name."""
    field = next(each for each in here.fields["organizations"] if each["field_code"] == "name")
    here.fields["organizations"].append(
        {**field, "field_name": "Warmline ID", "field_code": "f" * 40, "field_type": "double", "is_custom_field": True}
    )
    (text,) = problems(found(here))
    assert text.startswith("The field “Warmline ID” of organizations is of type double")
    assert "Rename it in Pipedrive" in text


@pytest.mark.parametrize(
    ("plan", "told", "well", "words"),
    [
        ("", None, True, "does not say"),
        ("", 20, True, "No plan is set, so Warmline keeps to the smallest one's limits."),
        ("", 80, True, "Pipedrive takes 80 calls in 2 seconds: set the plan to use them."),
        ("growth", 40, True, "The plan growth agrees"),
        ("growth", 80, True, "The plan growth agrees"),
        (
            "premium",
            20,
            False,
            "The plan is set to premium, which takes 100 calls in 2 seconds, but Pipedrive takes only 20.",
        ),
    ],
)
def test_the_plan_and_the_headers(plan: str, told: int | None, well: bool, words: str) -> None:  # noqa: FBT001 (a column of the table)
    """A plan that is set too large would have calls refused."""
    finding = doctor._plan(plan, told)
    assert (finding.well, words in finding.text) == (well, True)


def test_the_headers_are_heard(found: Callable[..., list[Finding]], here: World, settings: Settings) -> None:
    """As the sandbox tells its limit in each answer."""
    settings.PIPEDRIVE_PLAN = "ultimate"
    preferences.refresh()
    assert any("takes only 20" in text for text in problems(found(here)))


@pytest.mark.parametrize(("spent", "well"), [(0, True), (23_900, True), (23_950, False), (30_000, False)])
def test_the_budget(spent: int, well: bool) -> None:  # noqa: FBT001 (as above)
    """What is left, and whether that suffices for one lead."""
    finding = doctor._budget(Usage(0, Window(20, 2.0), spent, 24_000))
    assert finding.well == well
    assert f"{max(0, 24_000 - spent):,} of 24,000 tokens" in finding.text


def test_the_border_of_the_clock() -> None:
    """A minute is no difference worth a word."""
    assert doctor._clock(timedelta(seconds=60)).well
    assert not doctor._clock(timedelta(seconds=61)).well
