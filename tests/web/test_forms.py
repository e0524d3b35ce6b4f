"""Every form of ours says in the product's own sentences what is wrong, with the label of the field."""

from itertools import chain

import pytest
from django import forms
from django.test import Client
from web.pages import PASSWORD, look

from warmline.web.forms import contact_book, import_file, sign_in, team_and_profile
from warmline.web.forms import settings as settings_forms
from warmline.web.forms.base import WordedForm

OURS = [
    form
    for module in (sign_in, contact_book, import_file, settings_forms, team_and_profile)
    for form in vars(module).values()
    if isinstance(form, type) and issubclass(form, forms.BaseForm) and form.__module__ == module.__name__
]


@pytest.mark.parametrize("form", OURS, ids=lambda form: form.__name__)
def test_every_form_has_our_words(form: type[forms.BaseForm]) -> None:
    """One that has Django's stock sentences would be noticed by a person only."""
    assert issubclass(form, WordedForm)


def test_what_a_form_says() -> None:
    """The label is in the sentence; capitals of an abbreviation stay."""

    class Sample(WordedForm, forms.Form):
        token = forms.CharField(label="API token")
        seats = forms.IntegerField(label="Seats in Pipedrive", max_value=9)
        email = forms.EmailField(label="E-mail")
        day = forms.DateField()
        plan = forms.ChoiceField(label="Plan", choices=[("lite", "Lite")])
        file = forms.FileField(label="CSV file")

    data = {"seats": "10", "email": "kim", "day": "soon", "plan": "gold"}
    said = Sample(data).errors
    assert list(chain.from_iterable(said.values())) == [
        "Enter the API token.",
        "Seats in Pipedrive must be 9 or less.",
        "Enter an e-mail address such as kim@example.com.",
        "Enter the day as YYYY-MM-DD.",
        "Choose one of the listed options for “Plan”.",
        "Choose a file.",
    ]
    assert Sample({**data, "seats": "many"}).errors["seats"] == ["Seats in Pipedrive must be a whole number."]


@pytest.mark.parametrize(
    ("passwords", "says"),
    [
        (("wrong", "oak-tree-7410", "oak-tree-7410"), "The old password is wrong. Enter it again."),
        (("", "oak-tree-7410", "oak-tree-7410"), "Enter the old password."),
        ((None, "oak-tree-7410", "oak-tree-7411"), "The two passwords differ. Enter the same password twice."),
        ((None, "oak", "oak"), "The password is too short. Use at least 10 characters."),
        ((None, "qwertyuiop", "qwertyuiop"), "This password is too common. Choose another one."),
    ],
)
def test_a_password_that_is_refused(bobs: Client, passwords: tuple[str | None, str, str], says: str) -> None:
    """Whatever is wrong with it."""
    old, first, second = passwords
    given = {"old_password": PASSWORD if old is None else old, "new_password1": first, "new_password2": second}
    assert says in look(bobs.post("/password", given))
