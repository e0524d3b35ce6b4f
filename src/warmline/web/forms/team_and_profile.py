"""The forms of team members, and of one's own profile and API tokens."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Q

from warmline.crm.tokens import Rights
from warmline.crm.users import User, default_time_zone
from warmline.pipedrive import User as TheirUser
from warmline.web.access.invitations import sends_email
from warmline.web.forms.base import EditForm, LongSelect, WordedForm, zones


class InviteForm(WordedForm, forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """Invites a member, who sets a password with a one-time link."""

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
        """Create the member, without a password."""
        self.instance.set_unusable_password()
        user: User = super().save(commit)
        return user


class MemberForm(EditForm):
    """Changes a member's role and Pipedrive user.

    Args:
        member: The member.
        users: The account's active users; None if they are not loaded.
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
    """Who takes over the contacts of a member who is deactivated.

    Args:
        member: The member who is deactivated.
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
    """A user's own name and time zone, and whether they want the morning e-mail where e-mail is sent."""

    time_zone = forms.ChoiceField(choices=zones, help_text="Used for all dates and times.", widget=LongSelect)

    class Meta:
        model = User
        fields = ("name", "time_zone", "morning_mail")
        help_texts = {
            "name": "Shown to colleagues.",
            "morning_mail": "At seven, if anything is due, goes cold, or is not proven to be in Pipedrive.",
        }

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        zone: Any = self.fields["time_zone"]
        if self.instance.time_zone not in dict(zones()):
            zone.choices = [(self.instance.time_zone, self.instance.time_zone), *zones()]
        if not sends_email():
            del self.fields["morning_mail"]

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 (Django's signature)
        """Write only these fields: an admin may have changed others since the user was read."""
        user: User = super().save(commit=False)
        if commit:
            user.save(update_fields=list(self.fields))
        return user


EXPIRIES = ((0, "Never"), (30, "In 30 days"), (90, "In 90 days"), (365, "In a year"))


class TokenForm(WordedForm, forms.Form):
    """The purpose of an API token. Its prefix keeps its fields apart from the profile's on the same page."""

    prefix = "token"

    name = forms.CharField(
        label="Purpose",
        max_length=255,
        widget=forms.TextInput(attrs={"placeholder": "e.g. Monthly report"}),
    )
    rights = forms.ChoiceField(label="Rights", choices=Rights.choices, initial=Rights.WRITE, required=False)
    days = forms.TypedChoiceField(label="Expires", choices=EXPIRIES, coerce=int, empty_value="0", required=False)
