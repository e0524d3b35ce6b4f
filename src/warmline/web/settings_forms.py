"""The forms of the settings, the team and the profile.

A field that an environment variable decides is shown and cannot be changed; it says which variable that is.
"""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Q

from warmline.crm import preferences
from warmline.crm.activities import ActivityType
from warmline.crm.fields import NAME_LENGTH, no_control_characters, visible
from warmline.crm.models import WARMEST
from warmline.crm.preferences import MOST_SEATS
from warmline.crm.tokens import Rights
from warmline.crm.users import User, default_time_zone
from warmline.pipedrive import PLANS
from warmline.pipedrive import ActivityType as TheirType
from warmline.pipedrive import User as TheirUser
from warmline.sync.mapping import TYPES
from warmline.web.forms import EditForm, LongSelect, WordedForm, zones

PLAN_NAMES = {name: name.title() for name in PLANS if not name.endswith("-oauth")}  # we work with an API token


class ConnectForm(WordedForm, forms.Form):
    """A token, pasted."""

    token = forms.CharField(
        label="API token",
        max_length=200,
        help_text="In Pipedrive: your picture, Personal preferences, API. Use an admin's token; it can see everything.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class RulesForm(EditForm):
    """What is warm, and what goes to Pipedrive how.

    Args:
        effects: In words, what each threshold would change.
        types: The account's active activity types; None when they are not known.
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
        self.initial = {
            **{name: getattr(decided, name) for name in preferences.SETTINGS},
            "earlier_activities": "yes" if decided.earlier_activities else "no",
        }
        names: dict[str, str] = {each.key: each.name for each in types or ()}
        for ours in ActivityType:
            present = decided.activity_types.get(ours, TYPES[ours])
            choices: dict[str, str] = {present: f"{present} (not active in Pipedrive)" if names else present, **names}
            offered = sorted(choices.items(), key=lambda each: each[1].lower())
            self.fields[f"type_{ours}"] = forms.ChoiceField(label=ours.label, choices=offered, disabled=not names)
            self.initial[f"type_{ours}"] = present
        for name in preferences.SETTINGS:
            if variable := preferences.variable_of(name):
                self.fields[name].disabled = True
                self.fields[name].help_text = f"Set by {variable} in the server's environment."

    def save(self) -> None:
        """Store what was decided anew; what the environment decides cannot be."""
        values, decided = self.values(), preferences.current().activity_types
        types = {ours: values.pop(f"type_{ours}", decided.get(ours, TYPES[ours])) for ours in ActivityType}
        unusual = {str(ours): theirs for ours, theirs in types.items() if theirs != TYPES[ours]}
        preferences.change({**values, "activity_types": unusual})


class InviteForm(WordedForm, forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A new member, who sets a password by a one-time link."""

    time_zone = forms.ChoiceField(choices=zones, initial=default_time_zone, widget=LongSelect)

    class Meta:
        model = User
        fields = ("name", "email", "is_admin", "time_zone")
        labels = {"email": "E-mail", "is_admin": "Admin"}
        help_texts = {
            "email": "Used to sign in. The Pipedrive user with this e-mail owns this member's records there.",
            "is_admin": "Can see everyone's contacts and these settings.",
        }

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 (Django's signature)
        """Make the member, without a password."""
        self.instance.set_unusable_password()
        user: User = super().save(commit)
        return user


class MemberForm(EditForm):
    """A member's role, and who they are in Pipedrive.

    Args:
        member: Whose.
        users: The account's active users; None when they are not known.
    """

    is_admin = forms.TypedChoiceField(
        label="Role",
        choices=[("no", "Member: sees their own contacts"), ("yes", "Admin: sees everyone's, and the settings")],
        coerce=lambda text: text == "yes",
    )
    pipedrive_user_id = forms.TypedChoiceField(
        label="User in Pipedrive",
        coerce=int,
        empty_value=None,
        required=False,
        help_text="Owns new records of this member's contacts in Pipedrive.",
    )

    def __init__(self, *args: Any, member: User, users: Sequence[TheirUser] | None, **more: Any) -> None:
        super().__init__(*args, **more)
        present = member.pipedrive_user_id
        self.initial = {"is_admin": "yes" if member.is_admin else "no", "pipedrive_user_id": present or ""}
        names = {user.id: f"{user.name} <{user.email}>" for user in users or ()}
        if present and present not in names:
            names[present] = f"User {present}"
        choice: Any = self.fields["pipedrive_user_id"]
        choice.choices = [("", "Found by e-mail"), *sorted(names.items(), key=lambda each: each[1].lower())]


class HeirForm(WordedForm, forms.Form):
    """Who gets the contacts of a member who leaves.

    Args:
        member: Who leaves.
    """

    heir = forms.ModelChoiceField(
        User.objects.none(),
        label="Hand over contacts to",
        required=False,
        empty_label="Nobody (contacts stay)",
    )

    def __init__(self, *args: Any, member: User, **more: Any) -> None:
        super().__init__(*args, **more)
        heir: Any = self.fields["heir"]
        heir.queryset = User.objects.people().filter(~Q(pk=member.pk)).order_by("name", "pk")
        heir.label_from_instance = lambda user: f"{user.name} <{user.email}>"


class ProfileForm(WordedForm, forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """What a user says of themselves."""

    time_zone = forms.ChoiceField(choices=zones, help_text="Used for all dates and times.", widget=LongSelect)

    class Meta:
        model = User
        fields = ("name", "time_zone")
        help_texts = {"name": "Shown to colleagues."}

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        zone: Any = self.fields["time_zone"]
        if self.instance.time_zone not in dict(zones()):
            zone.choices = [(self.instance.time_zone, self.instance.time_zone), *zones()]

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 (Django's signature)
        """Write these fields alone: an admin may have changed the others since the user was read."""
        user: User = super().save(commit=False)
        if commit:
            user.save(update_fields=self._meta.fields)
        return user


EXPIRIES = ((0, "Never"), (30, "In 30 days"), (90, "In 90 days"), (365, "In a year"))


class TokenForm(WordedForm, forms.Form):
    """What an API token is for. It stands on the page of the profile, whose fields have the same names."""

    prefix = "token"

    name = forms.CharField(
        label="Purpose",
        max_length=255,
        widget=forms.TextInput(attrs={"placeholder": "e.g. Monthly report"}),
    )
    rights = forms.ChoiceField(label="Rights", choices=Rights.choices, initial=Rights.WRITE, required=False)
    days = forms.TypedChoiceField(label="Expires", choices=EXPIRIES, coerce=int, empty_value="0", required=False)
