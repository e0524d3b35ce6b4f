"""The forms of the settings: the connection, and the rules.

A field whose value comes from an environment variable is shown but cannot be changed, and names the variable.
"""

from collections.abc import Sequence
from typing import Any

from django import forms

from warmline.crm import preferences
from warmline.crm.activities import ActivityType
from warmline.crm.fields import NAME_LENGTH, no_control_characters, visible
from warmline.crm.models import WARMEST
from warmline.crm.preferences import COLD_AFTER, MOST_SEATS
from warmline.pipedrive import PLANS
from warmline.pipedrive import ActivityType as TheirType
from warmline.sync.mapping import TYPES
from warmline.web.forms.base import EditForm, WordedForm

MOST_DAYS = 3650
PLAN_NAMES = {name: name.title() for name in PLANS if not name.endswith("-oauth")}  # Warmline uses a token


class ConnectForm(WordedForm, forms.Form):
    """The API token."""

    token = forms.CharField(
        label="API token",
        max_length=200,
        help_text="In Pipedrive: your picture, Personal preferences, API. Use an admin's token; it can see everything.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class RulesForm(EditForm):
    """When a contact is warm, and what is sent to Pipedrive.

    Args:
        effects: What each threshold would change, in words.
        types: The account's active activity types; None if they are not loaded.
    """

    threshold = forms.TypedChoiceField(label="Warm from", coerce=int)
    label = forms.CharField(
        label="Label in Pipedrive",
        max_length=NAME_LENGTH,
        validators=[visible, no_control_characters],
        help_text="Added to every warm lead; created if missing.",
    )
    earlier_activities = forms.TypedChoiceField(
        label="Activities from before a contact was warm",
        choices=[("no", "are not sent"), ("yes", "are sent to Pipedrive too")],
        coerce=lambda text: text == "yes",
        help_text="Applies when a contact is first sent; cannot be changed later.",
    )
    delete_there = forms.TypedChoiceField(
        label="Activities that are deleted here",
        choices=[("no", "stay in Pipedrive"), ("yes", "are deleted in Pipedrive too")],
        coerce=lambda text: text == "yes",
        help_text=(
            "Applies to what is deleted from now on, ten minutes later. A contact that is deleted here stays in "
            "Pipedrive with its activities, and so does what somebody changed there just before."
        ),
    )
    plan = forms.ChoiceField(
        label="Plan in Pipedrive",
        required=False,
        help_text="Sets how many calls and API tokens are available.",
    )
    seats = forms.IntegerField(
        label="Seats in Pipedrive",
        min_value=1,
        max_value=MOST_SEATS,
        help_text="Each seat adds to the company's daily API tokens.",
    )
    token_share = forms.IntegerField(
        label="Share of daily tokens",
        min_value=1,
        max_value=100,
        help_text="In percent. The rest is left for the company's other integrations.",
    )

    def __init__(
        self, *args: Any, effects: Sequence[str] = (), types: Sequence[TheirType] | None = None, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        decided = preferences.current()
        thresholds: Any = self.fields["threshold"]
        thresholds.choices = [
            (least, f"{least}{'' if least == WARMEST else ' or more'}{f' ({effects[least]})' if effects else ''}")
            for least in range(WARMEST + 1)
        ]
        plans: Any = self.fields["plan"]
        plans.choices = [
            ("", "Unknown (use the lowest limits)"),
            *{decided.plan or "lite": decided.plan or "Lite", **PLAN_NAMES}.items(),
        ]
        switches = {True: "yes", False: "no"}
        values = {name: getattr(decided, name) for name in preferences.SETTINGS}
        self.initial = {name: switches[value] if isinstance(value, bool) else value for name, value in values.items()}
        names: dict[str, str] = {each.key: each.name for each in types or ()}
        for ours in ActivityType:
            present = decided.activity_types.get(ours, TYPES[ours])
            choices: dict[str, str] = {present: f"{present} (not active in Pipedrive)" if names else present, **names}
            offered = sorted(choices.items(), key=lambda each: each[1].lower())
            self.fields[f"type_{ours}"] = forms.ChoiceField(label=ours.label, choices=offered, disabled=not names)
            self.initial[f"type_{ours}"] = present
        for least, most in bands():
            self.fields[f"cold_{least}"] = forms.IntegerField(
                label=f"Days, warmness {least} to {most}", min_value=0, max_value=MOST_DAYS
            )
            self.initial[f"cold_{least}"] = decided.cold_after[least]
        for name in preferences.SETTINGS:
            if variable := preferences.variable_of(name):
                self.fields[name].disabled = True
                self.fields[name].help_text = f"Set by {variable} in the server's environment."

    def save(self) -> None:
        """Store what was changed; values from the environment cannot be changed."""
        values, decided = self.values(), preferences.current().activity_types
        days = {least: values.pop(f"cold_{least}", preferences.current().cold_after[least]) for least, _ in bands()}
        cold_after = {str(least): number for least, number in days.items() if number != COLD_AFTER[least]}
        types = {ours: values.pop(f"type_{ours}", decided.get(ours, TYPES[ours])) for ours in ActivityType}
        unusual = {str(ours): theirs for ours, theirs in types.items() if theirs != TYPES[ours]}
        preferences.change({**values, "activity_types": unusual, "cold_after": cold_after})


def bands() -> list[tuple[int, int]]:
    """Return the bands of warmness, the warmest first: the lowest and the highest score of each."""
    least = sorted(COLD_AFTER, reverse=True)
    return [(low, high - 1) for low, high in zip(least, [WARMEST + 1, *least], strict=False)]
