"""Finds what records refer to in the account: owner, label, custom fields, activity type. Creates what is missing.

If one cannot be found or created, that never holds a warm lead back: the record is sent without it, and a user is told
once what to do.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Literal, TypeVar

from warmline.crm.activities import Activity
from warmline.crm.keys import email_key, key
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.pipedrive import Clock, Field, Option, Person, Pipedrive, Rejected
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync import mapping, notifications
from warmline.sync.company import storing
from warmline.sync.intents import Intents
from warmline.sync.lease_keys import field_key, label_key, option_key
from warmline.sync.leases import PATIENCE, Leases
from warmline.sync.models import NotificationKind
from warmline.sync.policy import Policy
from warmline.sync.remote import detail_fields
from warmline.sync.remote.account_cache import Catalog
from warmline.sync.remote.detail_fields import MARK
from warmline.sync.synced_fields import NONE_CHOSEN, Chosen

ASK_AGAIN = timedelta(minutes=10)  # the age from which an answer without the owner or type is asked for again
LABELS = "label_ids"  # codes of Pipedrive's built-in fields
INDUSTRY = "industry"
SECTOR = "Sector"  # names of our custom fields

RecordKind = Literal["person", "organization"]
Made = TypeVar("Made", int, str)


class References:
    """What our records refer to in the account.

    Args:
        pipedrive: The client.
        catalog: The account's users, activity types and fields.
        leases: This worker's leases.
        intents: Stores and ends intents.
        clock: For the times of notifications.
        policy: Pipedrive's activity type for each of ours, and the fields for details.

    Attributes:
        types: Pipedrive's activity type for each of ours.
    """

    def __init__(
        self,
        pipedrive: Pipedrive,
        catalog: Catalog,
        leases: Leases,
        intents: Intents,
        *,
        clock: Clock,
        policy: Policy,
    ) -> None:
        self._pipedrive = pipedrive
        self._catalog = catalog
        self._leases = leases
        self._intents = intents
        self._clock = clock
        self.types, self._chosen, self._adds_options = policy.types, policy.details, policy.adds_options

    def ensure_owner(self, user: User) -> int:
        """Return the id of the Pipedrive user with our user's e-mail, else of the token's user: they own records."""
        active = [known for known in self._catalog.users() if known.active]
        there = {known.id for known in active}
        if user.pipedrive_user_id in there:
            return user.pipedrive_user_id
        match = next((known for known in active if email_key(known.email) == email_key(user.email)), None)
        if match is not None:
            chosen = self._note_found(user, match.id)
            return chosen if chosen in there else match.id
        if self._catalog.forget_if_older("users", ASK_AGAIN):
            return self.ensure_owner(user)
        me = self._pipedrive.own_user()
        self._tell_once(
            NotificationKind.OWNER_MISSING,
            f"Pipedrive has no active user {user.email}, so {user.name}'s records there belong to {me.name}. "
            "An admin can choose another user in Settings, under Team.",
            user,
            about=str(user.pk),
        )
        return me.id

    def _note_found(self, user: User, found: int) -> int | None:
        """Store which Pipedrive user our user is, unless an admin has chosen one; return the stored id."""
        with storing():
            User.objects.filter(pk=user.pk, pipedrive_user_id=None).update(pipedrive_user_id=found)
        # An admin may have chosen since the row was read. That choice stays, even if the chosen user is not active.
        user.pipedrive_user_id = User.objects.values_list("pipedrive_user_id", flat=True).get(pk=user.pk)
        return user.pipedrive_user_id

    def ensure_label(self, label: str, user: User | None) -> int | None:
        """Return the label's option id, and create the label if it is missing; None if the account refuses that.

        Args:
            label: Its name; case does not matter.
            user: Who is notified of a refusal; None for everyone.
        """

        def look() -> int | None:
            return mapping.option_named(label, _options(LABELS, self._catalog.person_fields()))

        def make() -> int:
            option = self._add_label(label)
            self._catalog.add_option(LABELS, option)
            return int(option.id)

        refusal = f"Pipedrive refused to create the label “{label}” (%s). Create it there by hand."
        return self._ensure("person_fields", label_key(label), look=look, make=make, user=user, refusal=refusal)

    def ensure_mark(self, kind: RecordKind) -> str | None:
        """Return the code of the field "Warmline ID", and create it if it is missing; None if the account refuses that.

        Nobody is notified of a refusal, because records can be recognized without the field.

        Args:
            kind: Whether the field of persons or of organizations.
        """
        return self._ensure_field(kind, MARK, None, "")

    def mark_code(self, kind: RecordKind) -> str | None:
        """Return the code of the field "Warmline ID"; None if it does not exist."""
        fields = self._catalog.person_fields() if kind == "person" else self._catalog.organization_fields()
        return custom_field(MARK, fields)

    def ensure_sector(
        self, sector: str, user: User | None, *, may_be_industry: bool = True
    ) -> tuple[int | None, dict[str, str | None]]:
        """Return where a sector is stored: the industry with that name, else our custom field, created if missing.

        Args:
            sector: As people entered it; empty for none.
            user: Who is notified if the field cannot be created; None for everyone.
            may_be_industry: Whether we may change the industry; one that a colleague chose stays.

        Returns:
            The industry's option id, or None; and the custom fields to set, with None for one to empty.
        """
        fields = self._catalog.organization_fields()
        named = mapping.option_named(sector, _options(INDUSTRY, fields)) if sector else None
        industry = named if may_be_industry else None
        code = custom_field(SECTOR, fields)
        if sector and industry is None and code is None:
            refusal = f"Pipedrive refused to create the field “{SECTOR}” (%s). Create it there by hand."
            code = self._ensure_field("organization", SECTOR, user, refusal)
        return industry, {code: sector if sector and industry is None else None} if code else {}

    def is_ours(self, industry: int | None, sector: str) -> bool:
        """Tell whether we may change an organization's industry: it has none, or it is what our sector was.

        Args:
            industry: The option's id, or None.
            sector: Our sector when the two sides last agreed.
        """
        if industry is None:
            return True
        options = _options(INDUSTRY, self._catalog.organization_fields())
        return mapping.option_named(sector, options) == industry if sector else False

    def sector_of(self, theirs: PipedriveOrganization) -> str:
        """Return the sector of an organization in Pipedrive: the value of our field, else its industry's name."""
        return sector_in(theirs, self._catalog.organization_fields())

    def details_of(self, contact: Contact, person: Person) -> Chosen:
        """Return the details that go over, now that the person is read.

        Where a field is empty and was not, it may have been deleted in Pipedrive, and an option may be new there. Then
        the fields are asked for anew.
        """
        found = self.details()
        is_doubtful = detail_fields.are_emptied(found, contact, person) or detail_fields.have_new_options(found, person)
        return self.details() if is_doubtful and self._catalog.forget_if_older("person_fields") else found

    def details(self) -> Chosen:
        """Return the details that go over, with their fields; people are told once of a field that is gone."""
        if not self._chosen:
            return NONE_CHOSEN
        fields = self._catalog.person_fields()
        for text in detail_fields.wrong(self._chosen, fields):
            self._tell_once(NotificationKind.ACCOUNT_REFUSED, text, None, about=text)
        return detail_fields.usable(self._chosen, fields)

    def with_options_for(self, contact: Contact, found: Chosen) -> Chosen:
        """Return the details that go over, with the options that new tags of a contact need; some may be missing.

        Args:
            contact: The contact.
            found: The details that go over, as the account has their fields.
        """
        missing = detail_fields.missing_options(found, contact)
        if missing and self._catalog.forget_if_older("person_fields", ASK_AGAIN):
            return self.with_options_for(contact, self.details())
        for code, tags in missing.items():
            if self._adds_options:
                for tag in tags:
                    self._ensure_option(code, tag, contact.owner)
            else:
                self._tell_of_tag(code, tags[0])
        return self.details() if missing and self._adds_options else found

    def _ensure_option(self, code: str, tag: str, user: User) -> int | None:
        def make() -> int:
            option = self._pipedrive.add_person_option(code, tag)
            self._catalog.add_option(code, option)
            return int(option.id)

        return self._ensure(
            "person_fields",
            option_key(code, tag),
            look=lambda: mapping.option_named(tag, _options(code, self._catalog.person_fields())),
            make=make,
            user=user,
            refusal=f"Pipedrive refused to create the option “{tag}” (%s). Create it there by hand.",
        )

    def _tell_of_tag(self, code: str, tag: str) -> None:
        name = next((field.name for field in self._catalog.person_fields() if field.code == code), "")
        text = (
            f"Tags such as “{tag}” stay here, because the field “{name}” in Pipedrive has no such option. Add the"
            " option there, or let Warmline add options on the Settings page, under Contact details."
        )
        self._tell_once(NotificationKind.ACCOUNT_REFUSED, text, None, about=f"options of {code}")

    def may_have_changed(self) -> bool:
        """Tell whether what this work knows of the fields of persons is older than what is to be had; see `renew`."""
        return bool(self._chosen) and self._catalog.renew()

    def wished_type(self, activity: Activity) -> str:
        """Return the Pipedrive type that an activity should have."""
        return self.types[activity.type]

    def ensure_type(self, activity: Activity) -> str:
        """Return the Pipedrive type for an activity. If that is not active, it is a task, and its user is told once."""
        wished = self.wished_type(activity)
        theirs = mapping.activity_type(wished, self._catalog.activity_types())
        if theirs != wished and self._catalog.forget_if_older("activity_types", ASK_AGAIN):
            return self.ensure_type(activity)
        if theirs != wished:
            self._tell_once(
                NotificationKind.TYPE_MISSING,
                f"The activity type “{wished}” is not active in Pipedrive, so such activities become tasks. "
                "Activate it there.",
                activity.contact.owner,
                about=f"{activity.contact.owner_id}:{wished}",
            )
        return theirs

    def _ensure_field(self, kind: RecordKind, name: str, user: User | None, refusal: str) -> str | None:
        ask = self._catalog.person_fields if kind == "person" else self._catalog.organization_fields
        create = self._pipedrive.create_person_field if kind == "person" else self._pipedrive.create_organization_field

        def make() -> str:
            code = create(name, "varchar").code
            self._catalog.add_field(f"{kind}_fields", Field(name=name, code=code, type="varchar", is_custom=True))
            return code

        return self._ensure(
            f"{kind}_fields",
            field_key(kind, name),
            look=lambda: custom_field(name, ask()),
            make=make,
            user=user,
            refusal=refusal,
        )

    def _ensure(
        self,
        remembered: str,
        what: str,
        *,
        look: Callable[[], Made | None],
        make: Callable[[], Made],
        user: User | None,
        refusal: str,
    ) -> Made | None:
        """Return the label or a field, and create it if it is missing; None if the account refuses that.

        Args:
            remembered: The name of the catalog's answer that contains it.
            what: Its lease's key.
            look: Finds it in that answer.
            make: Creates it, with one call, and adds it to that answer.
            user: Who is notified of a refusal; None for everyone.
            refusal: The notification, with a %s for Pipedrive's message; empty to notify nobody.
        """
        found = look()
        if found is not None or self._catalog.was_refused(what):
            return found
        with (
            self._leases.hold(what, patience=PATIENCE),
            self._catalog.alone_with(remembered, anew=bool(self._intents.unfinished(what, what))),
        ):
            found = look()  # another worker may have created it since
            if found is None and self._catalog.was_refused(what):
                return None
            if found is None:
                try:
                    found = self._intents.make(what, make)
                except Rejected as error:
                    self._catalog.remember_refusal(what)
                    if refusal:
                        self._tell_once(NotificationKind.ACCOUNT_REFUSED, refusal % error.message, user, about=what)
                    return None
            self._intents.end(what)
            return found

    def _add_label(self, label: str) -> Option:
        try:
            return self._pipedrive.add_person_label(label)
        except Rejected:  # the v2 call is documented for custom fields only; docs/pipedrive.md says that v1 works
            return self._pipedrive.add_person_label_v1(label)

    def _tell_once(self, kind: NotificationKind, text: str, user: User | None, *, about: str) -> None:
        notifications.tell(kind, text, now=self._clock.now(), user=user, once=f"{kind}:{about}")


def sector_in(theirs: PipedriveOrganization, fields: list[Field]) -> str:
    """Return the sector of an organization; see `References.sector_of`.

    Args:
        theirs: The organization.
        fields: The account's fields of organizations.
    """
    written = theirs.custom_fields.get(custom_field(SECTOR, fields) or "")
    named = (option.label for option in _options(INDUSTRY, fields) if option.id == theirs.industry)
    return written if isinstance(written, str) else next(named, "")


def custom_field(name: str, fields: list[Field]) -> str | None:
    """Return the code of the custom text field with this name, whatever its case; None if there is none."""
    text = {"varchar", "text"}
    wished = key(name)
    return next((f.code for f in fields if f.is_custom and f.type in text and key(f.name) == wished), None)


def _options(code: str, fields: list[Field]) -> tuple[Option, ...]:
    return next((field.options for field in fields if field.code == code), ())
