"""The forms for signing in, passwords and the first admin: Django's own, with our wording and limits on guessing."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.forms import (
    AuthenticationForm,
    BaseUserCreationForm,
    PasswordChangeForm,
    PasswordResetForm,
    SetPasswordForm,
    UsernameField,
)
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from warmline.crm.users import User, default_time_zone
from warmline.web.access import guess_checks
from warmline.web.access.first_admin import FIRST_CODE
from warmline.web.forms.base import LongSelect, WordedForm, zones

WRONG_CODE = "This code is wrong. Enter the code that Warmline printed when it last started."
GUESSED = "guessed"
NO_CODE = "This server has not printed a code yet. Restart `warmline serve` to get one."


class SignInForm(WordedForm, AuthenticationForm):
    """E-mail, in any case, and password. The error does not reveal whether there is such a user."""

    username = UsernameField(label="E-mail", widget=forms.EmailInput(attrs={"autofocus": True}))
    error_messages = {"invalid_login": "Wrong e-mail or password. Try again, or set a new password."}

    def clean(self) -> dict[str, Any]:
        """Check the password, unless there were too many guesses."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        guess = guess_checks.at_password(self.request, name) if self.request and name and password else None
        cleaned: dict[str, Any] = super().clean()
        if guess:
            guess.was_right()
        return cleaned


class ChangePasswordForm(WordedForm, PasswordChangeForm):
    """The old password and a new one.

    Args:
        request: The user's request.
    """

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request = request

    def clean_old_password(self) -> str:
        """Check the old password, unless there were too many guesses."""
        guess = guess_checks.at_password(self._request, self.user.get_username())
        password: str = super().clean_old_password()
        guess.was_right()
        return password


class NewPasswordForm(WordedForm, SetPasswordForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A new password, for someone with a one-time link; and the time zone of whoever has never signed in."""

    time_zone = forms.ChoiceField(
        choices=zones, required=False, help_text="Used for all dates and times.", widget=LongSelect
    )

    def __init__(self, user: User | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)  # no user: the link is void, and the form is not shown
        if user is None or user.last_login is not None or user.time_zone not in dict(zones()):
            del self.fields["time_zone"]
        else:
            self.initial["time_zone"] = user.time_zone

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 (Django's signature)
        """Set both."""
        self.user.time_zone = self.cleaned_data.get("time_zone") or self.user.time_zone
        user: User = super().save(commit)
        return user


class ResetForm(WordedForm, PasswordResetForm):
    """The e-mail to send a one-time link to; also works for invited users without a password."""

    email = forms.EmailField(label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}))

    def get_users(self, email: str) -> Iterable[User]:
        """Return the active user with this e-mail, in any case."""
        return User.objects.known_as(email).filter(is_active=True, is_machine=False)


class WelcomeForm(WordedForm, BaseUserCreationForm):  # type: ignore[type-arg]  # generic in the stubs only
    """The first admin, and the code that proves they may create the account."""

    code = forms.CharField(
        label="One-time code",
        max_length=100,
        help_text="Warmline printed it when it started.",
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    time_zone = forms.ChoiceField(choices=zones, initial=default_time_zone, widget=LongSelect)

    field_order = ("code", "name", "email", "password1", "password2", "time_zone")

    class Meta:
        model = User
        fields = ("name", "email", "time_zone")
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "username"}),
        }
        labels = {"email": "E-mail"}
        help_texts = {"name": "Shown to colleagues.", "email": "Used to sign in, and to find this person in Pipedrive."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["email"].widget.attrs["autofocus"]  # set by Django, but our first field is the code

    def clean_code(self) -> str:
        """Refuse a wrong code."""
        code: str = self.cleaned_data["code"]
        if not FIRST_CODE.accepts(code):
            raise ValidationError(WRONG_CODE if FIRST_CODE.is_issued else NO_CODE, code=GUESSED)
        return code

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 (Django's signature)
        """Create the admin."""
        self.instance.is_admin = True
        user: User = super().save(commit)
        return user
