"""What a record needs of the account, its owner, label, sector and type: found, else made, else done without.

A missing owner, label, field or type never holds a warm lead back: the record goes over without it, and a person is
told once, in words that say what to do.
"""

from datetime import timedelta

from warmline.crm.keys import key
from warmline.crm.models import Activity, ActivityType, User
from warmline.pipedrive import Clock, Field, Option, Pipedrive, Rejected
from warmline.sync import mapping, notify
from warmline.sync.catalog import Catalog
from warmline.sync.claims import Claims
from warmline.sync.intents import Intents
from warmline.sync.keys import field_key, label_key
from warmline.sync.models import NotificationKind

ASK_FOR_OWNER_AGAIN = timedelta(minutes=10)
LABELS = "label_ids"  # codes of Pipedrive's built-in fields
INDUSTRY = "industry"
SECTOR = "Sector"  # our custom field's name


class Account:
    """The account, as far as our records refer to it.

    Args:
        pipedrive: The client.
        catalog: What the account was said to be made of.
        claims: This worker's claims.
        intents: Begins and ends creates.
        clock: For the times of notifications.
    """

    def __init__(self, pipedrive: Pipedrive, catalog: Catalog, claims: Claims, intents: Intents, clock: Clock) -> None:
        self._pipedrive = pipedrive
        self._catalog = catalog
        self._claims = claims
        self._intents = intents
        self._clock = clock

    def ensure_owner(self, user: User) -> int:
        """Return the Pipedrive user who owns what a user of ours brings: the same e-mail, else the token's own user."""
        active = [known for known in self._catalog.users() if known.active]
        if user.pipedrive_user_id in {known.id for known in active}:
            return user.pipedrive_user_id
        match = next((known for known in active if key(known.email) == user.email_key), None)
        if match is not None:
            user.pipedrive_user_id = match.id
            User.objects.filter(pk=user.pk).update(pipedrive_user_id=match.id)
            return match.id
        if self._catalog.forget_if_older("users", ASK_FOR_OWNER_AGAIN):
            return self.ensure_owner(user)
        me = self._catalog.me()
        self._tell_once(
            NotificationKind.OWNER_MISSING,
            f"Pipedrive has no active user with the e-mail {user.email}, so your records there belong to {me.name}.",
            user,
            about=str(user.pk),
        )
        return me.id

    def ensure_label(self, label: str, user: User) -> int | None:
        """Return the label's option id, made when it is missing; None when the account refuses to make it.

        Args:
            label: Its name, in any case.
            user: Who is told of a refusal.
        """
        what = label_key(label)
        found = mapping.option_named(label, self._label_options())
        if found is not None or self._catalog.was_refused(what):
            return found
        with self._claims.hold(what):
            self._catalog.forget("person_fields")  # another worker may have made it since
            found = mapping.option_named(label, self._label_options())
            if found is not None:
                self._intents.end(what)
                return found
            try:
                option = self._intents.make(what, lambda: self._add_label(label))
            except Rejected as error:
                self._catalog.remember_refusal(what)
                text = f"Pipedrive refused to make the label “{label}” ({error.message}); make it there by hand."
                self._tell_once(NotificationKind.LABEL_MISSING, text, user, about=what)
                return None
            self._catalog.forget("person_fields")
            self._intents.end(what)
            return int(option.id)

    def ensure_sector(self, sector: str, user: User) -> tuple[int | None, dict[str, str]]:
        """Return where a sector goes: the industry of that name, else our custom field, made when it is missing.

        Args:
            sector: As typed; empty for none.
            user: Who is told when the field cannot be made.

        Returns:
            The industry's option id, or None; and the custom fields to set.
        """
        if not sector:
            return None, {}
        fields = self._catalog.organization_fields()
        options = next((field.options for field in fields if field.code == INDUSTRY), ())
        industry = mapping.option_named(sector, options)
        if industry is not None:
            return industry, {}
        code = custom_field(SECTOR, fields) or self._make_sector_field(user)
        return None, {code: sector} if code else {}

    def ensure_type(self, activity: Activity) -> str:
        """Return Pipedrive's type for an activity; a task, told once, where the account has deactivated its own."""
        theirs = mapping.activity_type(activity.type, self._catalog.activity_types())
        wished = mapping.TYPES[ActivityType(activity.type)]
        if theirs != wished:
            self._tell_once(
                NotificationKind.TYPE_MISSING,
                f"The activity type “{wished}” is not active in Pipedrive; such activities become tasks there.",
                activity.contact.owner,
                about=f"{activity.contact.owner_id}:{wished}",
            )
        return theirs

    def _label_options(self) -> tuple[Option, ...]:
        return next((field.options for field in self._catalog.person_fields() if field.code == LABELS), ())

    def _add_label(self, label: str) -> Option:
        try:
            return self._pipedrive.add_person_label(label)
        except Rejected:  # the v2 call is documented for custom fields; docs/pipedrive.md names v1 as the way round
            return self._pipedrive.add_person_label_v1(label)

    def _make_sector_field(self, user: User) -> str | None:
        what = field_key(SECTOR)
        if self._catalog.was_refused(what):
            return None
        with self._claims.hold(what):
            self._catalog.forget("organization_fields")  # another worker may have made it since
            code = custom_field(SECTOR, self._catalog.organization_fields())
            if code is None:
                try:
                    field = self._intents.make(
                        what, lambda: self._pipedrive.create_organization_field(SECTOR, "varchar")
                    )
                except Rejected as error:
                    self._catalog.remember_refusal(what)
                    text = f"Pipedrive refused to make the field “{SECTOR}” ({error.message}); make it there by hand."
                    self._tell_once(NotificationKind.SECTOR_MISSING, text, user, about=what)
                    return None
                self._catalog.forget("organization_fields")
                code = field.code
            self._intents.end(what)
            return code

    def _tell_once(self, kind: NotificationKind, text: str, user: User, *, about: str) -> None:
        notify.tell(kind, text, now=self._clock.now(), user=user, once=f"{kind}:{about}")


def custom_field(name: str, fields: list[Field]) -> str | None:
    """Return the code of the custom text field of this name, whatever its case."""
    text = {"varchar", "text"}
    wished = key(name)
    return next((f.code for f in fields if f.is_custom and f.type in text and key(f.name) == wished), None)
