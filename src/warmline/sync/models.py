"""The engine's own rows: leases, intents, the attempt log, the connection's state, notifications and the like.

None of them says what has to be in Pipedrive: that is in the rows of the contact book. Losing all of these would cost
time and tokens, but never a record.
"""

from datetime import datetime, timedelta
from functools import partial

from django.db import models

from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.prepared_queries import PreparedExistence
from warmline.sync.cursor_order import Arriving


class Lease(models.Model):
    """The right to create one thing in Pipedrive, held by one worker until it expires.

    The key names what is created and not the row that needs it, so two rows that need the same thing share a lease.

    Attributes:
        key: `person:<email key>`, `organization:<name key>`, `label:<name>`, `field:<kind>:<name>`,
            `activities:<person id>`; and the row's own key (`contact 12`), because an edit changes the others. Also
            `ask:<what>`, which one worker holds while it asks and the others wait (see single_flight.py).
        holder: The worker and its process (see leases.py).
        kind, row_id: The row that the worker works on; it is shown as in progress.
    """

    key = models.TextField(primary_key=True)
    holder = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    kind = models.CharField(max_length=20, blank=True, default="")
    row_id = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return self.key


class Heartbeat(models.Model):
    """When a process was last heard of (see processes.py). Written on PostgreSQL only.

    Attributes:
        process: Its name.
        at: When it was heard of.
        cut_off_since: Since when it alone does not reach Pipedrive (see network_partition.py).
    """

    process = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField()
    cut_off_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.process


class Intent(models.Model):
    """A create or update that was begun and whose outcome is not stored yet.

    It is written before the request, and deleted in the transaction that stores the outcome.

    Attributes:
        key: The row's key (`contact 12`); if there is no row, what is created (`label:<name>`).
        what: What is created, as a lease's key: another row that needs the same has to look for it, too.
        sent_at: When it was sent, by Pipedrive's clock.
        set_back: Seconds by which a clock was set back since then; see `looked_for_since`.
        begun_at: When it was sent, by our clock (see elapsed.py).
        uncertain_at: When its response was given up, by our clock; None while it is under way, and after a crash.
        answered: Whether Pipedrive itself responded that it failed, so that one look is enough.
        creator_id: The Pipedrive user whose token it was, who is the record's creator; None if an earlier version
            stored it.
        body: What was sent; the row may have been edited since. For an update: Pipedrive's side as it will be.
        ours, revision: The row's values and revision when it was sent; for an update, the values that it changes.
    """

    key = models.TextField(primary_key=True)
    what = models.TextField(db_index=True)
    sent_at = models.DateTimeField()
    set_back = models.FloatField(default=0)
    begun_at = models.DateTimeField()
    uncertain_at = models.DateTimeField(null=True)
    answered = models.BooleanField(default=False)
    creator_id = models.BigIntegerField(null=True)
    body = models.JSONField(default=dict)
    ours = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.key

    @property
    def looked_for_since(self) -> datetime:
        """The earliest time that Pipedrive can have given to what it made; its clock may have been set back, too."""
        return self.sent_at - timedelta(seconds=self.set_back)


class Attempt(Arriving):
    """One attempt to send a row or its changes to Pipedrive, kept for people to read.

    Attributes:
        kind, row_id: The row: "contact", "organization" or "activity", and its id.
        owner: The row's owner; None for an organization, which belongs to the team.
        ok: Whether it succeeded.
        waited: For how many seconds the row had been pending by then.
        text: The outcome, in plain words.
    """

    kind = models.CharField(max_length=20)
    row_id = models.BigIntegerField()
    # The index below begins with it, so it needs none of its own.
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    at = models.DateTimeField()
    ok = models.BooleanField()
    waited = models.FloatField(default=0)
    text = models.TextField()

    class Meta:
        indexes = [
            # sync.attempt_log: the attempts of a row, in their order.
            models.Index(fields=["kind", "row_id", "id"], name="attempt_row"),
            # sync.status.last_day: what was attempted within the last day, a user's and everyone's, from the index.
            models.Index(fields=["owner", "at", "ok", "waited"], name="attempt_of_owner"),
            models.Index(fields=["at", "ok", "waited"], name="attempt_at"),
        ]

    def __str__(self) -> str:
        return self.text


class Company(models.Model):
    """The one row (id 1) that says to which company the stored Pipedrive ids belong.

    Attributes:
        company_id: Pipedrive's id of it; None if only an earlier version, which did not store it, has seen the company.
        name, domain: As Pipedrive returned them last.
        generation: Counts how often a person started over with another company (see company.py).
    """

    company_id = models.BigIntegerField(null=True)
    name = models.TextField(blank=True, default="")
    domain = models.TextField(blank=True, default="")
    generation = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="company_is_one_row")]

    def __str__(self) -> str:
        return self.name or self.domain or f"company {self.company_id}"


class RateLimits(models.Model):
    """What was used of a token's limits, where several machines share them (see remote/postgres_ledger.py).

    Attributes:
        name: A digest of the token.
        figures: As the ledger of the limits has them.
    """

    name = models.CharField(max_length=64, primary_key=True)
    figures = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name


class Remembered(models.Model):
    """An answer of Pipedrive's about the account (its users, fields, activity types), and when it was given."""

    name = models.CharField(max_length=300, primary_key=True)
    value = models.JSONField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class DirectoryKind(models.TextChoices):
    """The kinds of records that the directory lists."""

    PERSON = "person"
    ORGANIZATION = "organization"


class DirectoryState(models.Model):
    """How far the directory of a kind is filled, and up to when it is current.

    Attributes:
        cursor: Where the next page of the first listing begins; None before the first page.
        is_full: Whether the first listing is complete.
        tokens: What the first listing has cost so far.
        since: By Pipedrive's clock: all changes before this moment are included.
        looked_at: By our clock: when the last look began.
        failures: How many times in a row the list could not be read.
        retry_at: When it is tried again; None when it has not failed.
        problem: Why it failed the last time.
        unreadable: The ids of records that cannot be read, 0 for one without an id.
        proven_from: Since when reports were proven to come when the last look began (see trusted_reports.py).
    """

    kind = models.CharField(max_length=20, choices=DirectoryKind.choices, primary_key=True)
    cursor = models.TextField(null=True)  # noqa: DJ001 (no cursor is not an empty one)
    is_full = models.BooleanField(default=False)
    tokens = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    looked_at = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True, default="")
    unreadable = models.JSONField(default=list)
    proven_from = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.kind


class DirectoryEntry(models.Model):
    """A name under which a record in Pipedrive is found: an e-mail, an organization's name, or our own mark.

    Attributes:
        key: A keyed hash of the name, so that the directory does not reveal whom the company knows.
    """

    kind = models.CharField(max_length=20, choices=DirectoryKind.choices)
    key = models.CharField(max_length=32)
    record_id = models.BigIntegerField()

    class Meta:
        constraints = [
            # sync.remote.directory: the records found under a name.
            models.UniqueConstraint(fields=["kind", "key", "record_id"], name="directory_entry_once"),
        ]
        indexes = [
            # sync.remote.directory: the names of a record that has changed.
            models.Index(fields=["kind", "record_id"], name="directory_record"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.record_id}"


class ConnectionState(models.TextChoices):
    """The state of the connection to Pipedrive. In every state but `ok`, only rare probes are sent."""

    OK = "ok"
    NO_TOKEN = "no_token"  # noqa: S105 (the name of a state)
    INVALID_TOKEN = "invalid_token"  # noqa: S105 (as above)
    UNAUTHORIZED = "unauthorized"
    ANOTHER_COMPANY = "another_company"
    DOWN = "down"
    THROTTLED = "throttled"
    BLOCKED = "blocked"
    BUDGET_SPENT = "budget_spent"


class Connection(models.Model):
    """The one row (id 1) with the connection's state, and when to probe it again."""

    state = models.CharField(max_length=20, choices=ConnectionState.choices, default=ConnectionState.OK)
    since = models.DateTimeField()
    message = models.TextField(blank=True, default="")
    probe_at = models.DateTimeField(null=True)
    probes = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="connection_is_one_row")]

    def __str__(self) -> str:
        return self.state

    @classmethod
    def is_well(cls) -> bool:
        """Tell whether the connection worked when it was last used; sends no probe."""
        return not _IN_TROUBLE.found()


_IN_TROUBLE = PreparedExistence({"row": partial(Connection.objects.exclude, state=ConnectionState.OK)})


class NotificationKind(models.TextChoices):
    """What a notification is about."""

    CONTACT_SYNCED = "contact_synced"
    IMPORT_DONE = "import_done"
    CONTACT_FAILED = "contact_failed"
    CHANGE_KEPT = "change_kept"
    NOT_RENAMED = "not_renamed"
    DELETED_THERE = "deleted_there"
    LEFT_THERE = "left_there"
    ACTIVITY_SYNCED = "activity_synced"
    ORGANIZATION_FAILED = "organization_failed"
    ACTIVITY_FAILED = "activity_failed"
    OWNER_MISSING = "owner_missing"
    ACCOUNT_REFUSED = "account_refused"
    TYPE_MISSING = "type_missing"
    CONNECTION_LOST = "connection_lost"
    CONNECTION_BACK = "connection_back"
    WEBHOOK_OFF = "webhook_off"
    GRANT_EXPIRES = "grant_expires"
    LINKS_CHECKED = "links_checked"
    OTHER_INSTALLATION = "other_installation"


class Notification(Arriving):
    """Something that a user would want to know now. It is a row, so it is never lost; open pages show it as a toast.

    Attributes:
        user: The user it is for; None for everyone.
        contact: The contact that it is about, for a link.
        row_id: The row that failed, in the table that the kind implies; None for kinds that are no failures.
        is_quiet: Whether it is only in the list, and nobody is interrupted for it.
        once: A name, if it must be written only once; a second one with this name is not written.
    """

    # The indexes below begin with it, so it needs none of its own.
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="notifications", db_index=False)
    kind = models.CharField(max_length=20, choices=NotificationKind.choices)
    text = models.TextField()
    contact = models.ForeignKey(Contact, null=True, on_delete=models.SET_NULL, related_name="+")
    row_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    is_quiet = models.BooleanField(default=False)
    once = models.TextField(null=True, unique=True)  # noqa: DJ001 (NULLs are exempt from the uniqueness, "" is not)

    class Meta:
        indexes = [
            # api: a user's notifications after an id.
            models.Index(fields=["user", "id"], name="notification_user"),
            # sync.notifications: those of them that interrupt, without a look at the rows.
            models.Index(
                fields=["user", "id", "kind", "row_id"], name="notification_loud", condition=models.Q(is_quiet=False)
            ),
        ]

    def __str__(self) -> str:
        return self.text


class Seen(models.Model):
    """The cursor of the last notification that a user has seen in the list."""

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="+")
    up_to = models.BigIntegerField()

    def __str__(self) -> str:
        return f"up to {self.up_to}"
