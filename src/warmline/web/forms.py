"""The forms of signing in, how every form looks, and what every form does that changes what is there.

Django's own forms with our words. `{{ form }}` shows any form: `form.html` all of it, `form_field.html` each field with
its label, hint and errors.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any
from zoneinfo import available_timezones

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
from django.forms.renderers import DjangoTemplates
from django.forms.utils import flatatt
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from warmline.crm.users import User, default_time_zone
from warmline.crm.validation_messages import reworded
from warmline.web import throttling
from warmline.web.first_admin import FIRST_CODE

NO_ZONES = ("Etc/", "SystemV/", "posix/", "right/")
WRONG_CODE = "This code is not right. Enter the code that Warmline printed when it last started."
GUESSED = "guessed"
NO_CODE = "This server has not printed a code. Restart `warmline serve`; it then prints one."


class Renderer(DjangoTemplates):
    """Shows forms and fields in our shape (the setting FORM_RENDERER)."""

    form_template_name = "web/parts/form.html"
    field_template_name = "web/parts/form_field.html"


@cache
def zones() -> list[tuple[str, str]]:
    """Return the time zones to choose from: those that are named for a place, and UTC."""
    names = {name for name in available_timezones() if "/" in name and not name.startswith(NO_ZONES)}
    return [(name, name.replace("_", " ")) for name in ["UTC", *sorted(names)]]


class LongSelect(forms.Select):
    """A select with hundreds of options; Django's own renders a template for each of them, and takes 60 ms for it."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:  # noqa: ARG002 (Django's signature)
        """Return the select's HTML."""
        chosen = "" if value is None else str(value)
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            ((o, " selected" * (o == chosen), words) for o, words in self.choices),
        )
        return format_html(
            "<select{}>{}</select>", flatatt({**self.build_attrs(self.attrs, attrs), "name": name}), options
        )


class WordedForm(forms.BaseForm):
    """Any form of ours: what is wrong is said in our sentences, with the label of the field."""

    def add_error(self, field: str | None, error: Any) -> None:
        """Note what is wrong with a field, or with the form."""
        if not isinstance(error, ValidationError):
            error = ValidationError(error)
        super().add_error(field, reworded(error, self._naming, field))

    def _naming(self, name: str) -> tuple[str, Any]:
        shown = self[name] if name in self.fields else None
        return (str(shown.label), shown.field) if shown else (name, None)


class EditForm(WordedForm, forms.Form):
    """Changes something that is there: only what the person changed, so that what came meanwhile stays.

    Each field brings along, hidden, what the person was shown. Who sends none of that, such as a script, is taken to
    have been shown what is there now.
    """

    def __getitem__(self, name: str) -> forms.BoundField:
        """Return a field as it is shown."""
        shown = super().__getitem__(name)
        shown.field.show_hidden_initial = not self.is_bound or shown.html_initial_name in self.data
        return shown

    def values(self) -> dict[str, Any]:
        """Return what the person changed, by field, once it is valid."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


class SignInForm(WordedForm, AuthenticationForm):
    """E-mail, whatever its case, and password. Whether there is such a user is not told."""

    username = UsernameField(label="E-mail", widget=forms.EmailInput(attrs={"autofocus": True}))
    error_messages = {"invalid_login": "Wrong e-mail or password. Try again, or set a new password."}

    def clean(self) -> dict[str, Any]:
        """Look at the password, unless it was guessed at too often."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        guess = throttling.at_password(self.request, name) if self.request and name and password else None
        cleaned: dict[str, Any] = super().clean()
        if guess:
            guess.was_right()
        return cleaned


class ChangePasswordForm(WordedForm, PasswordChangeForm):
    """The present password and a new one.

    Args:
        request: The user's.
    """

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request = request

    def clean_old_password(self) -> str:
        """Look at the present password, unless it was guessed at too often."""
        guess = throttling.at_password(self._request, self.user.get_username())
        password: str = super().clean_old_password()
        guess.was_right()
        return password


class NewPasswordForm(WordedForm, SetPasswordForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A new password, for whoever has a one-time link."""


class ResetForm(WordedForm, PasswordResetForm):
    """Whom to send a one-time link; also one who was invited and has no password yet."""

    email = forms.EmailField(label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}))

    def get_users(self, email: str) -> Iterable[User]:
        """Return the active user with this e-mail, whatever its case."""
        return User.objects.known_as(email).filter(is_active=True, is_machine=False)


class WelcomeForm(WordedForm, BaseUserCreationForm):  # type: ignore[type-arg]  # generic in the stubs only
    """The first admin, and the code that proves that they may be it."""

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
        del self.fields["email"].widget.attrs["autofocus"]  # Django's idea; the code comes first

    def clean_code(self) -> str:
        """Refuse a wrong code."""
        code: str = self.cleaned_data["code"]
        if not FIRST_CODE.accepts(code):
            raise ValidationError(WRONG_CODE if FIRST_CODE.is_issued else NO_CODE, code=GUESSED)
        return code

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 (Django's signature)
        """Make the admin."""
        self.instance.is_admin = True
        user: User = super().save(commit)
        return user
