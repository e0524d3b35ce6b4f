"""The words of a heading, and from which program a file is, as far as its headings tell. Pure: no database."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from warmline.crm.keys import PLAIN, key

OURS = "Warmline"
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")  # as in "emailAddress"
_DASHED = re.compile(r"(?<![^\W_])e[\W_]+(?=mail|post)")  # "E-Mail" is one word
_ASKED = re.compile(
    r"^\W*(?:what(?:'s|\u2019s|[\s_]is)|please[\s_](?:enter|give)|enter)[\s_]", re.IGNORECASE
)  # in forms
_WORD = re.compile(r"[^\W\d_]+")
# By headings that only one program writes, with what people call its export.
_PROFILES = (
    (OURS, ({"warmness", "last contacted", "owner"},)),
    ("LinkedIn", ({"first name", "last name", "connected on"},)),
    ("Google Contacts", ({"e mail value"}, {"given name", "family name", "group membership"}, {"phone value"})),
    ("Outlook", ({"e mail address", "business phone"}, {"e mail adresse", "telefon geschaftlich"})),
    ("Thunderbird", ({"display name", "primary email"}, {"anzeigename", "primare e mail adresse"})),
    ("Pipedrive", ({"person name"}, {"person organization"}, {"email work"}, {"phone work", "organization"})),
    (
        "HubSpot",
        (
            {"record id", "lifecycle stage"},
            {"associated company"},
            {"record id contact"},
            {"contact owner", "lead status"},
        ),
    ),
    ("Zoho", ({"secondary email", "email opt out"}, {"asst phone", "secondary email"})),
    ("Apollo", ({"seniority", "person linkedin url"},)),
    ("Salesforce", ({"account name", "mailing country"}, {"account name", "lead source"}, {"accountid", "lastname"})),
    ("Salesforce", ({"company account", "lead status"},)),
    ("Mailchimp", ({"email address", "member rating"}, {"optin time"})),
)  # fmt: skip


@lru_cache(1000)
def words(heading: str) -> list[str]:
    """Return the words of a heading, in small letters without accents; numbers are left out. Not to be changed.

    Args:
        heading: As it stands in the file.
    """
    heading = _ASKED.sub("", heading)
    plain = "".join(each for each in unicodedata.normalize("NFKD", heading) if not unicodedata.combining(each))
    return _WORD.findall(_DASHED.sub("e", key(_HUMP.sub(" ", plain)).translate(PLAIN)))


def of(headings: Sequence[str]) -> str:
    """Return from which program a file is, as far as its headings tell; empty when they do not.

    Args:
        headings: The cells of the row that names the columns.
    """
    present = {" ".join(words(heading)) for heading in headings}
    found = (name for name, marks in _PROFILES if any(_spelled(mark) <= present for mark in marks))
    return next(found, "")


def _spelled(mark: set[str]) -> set[str]:
    return {" ".join(words(heading)) for heading in mark}
