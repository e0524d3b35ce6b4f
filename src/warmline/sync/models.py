"""The engine's own rows: who works on what, what was begun, how the connection is, and what people should know.

None of them says what must be in Pipedrive: that is in the rows of the contact book. Losing all of these costs time
and tokens, never a record.
"""

from django.db import models

from warmline.crm.models import Contact
from warmline.crm.users import User


class Lease(models.Model):
    """The right to make one thing in Pipedrive, held by one worker until it expires.

    The key names what is being made, not the row that wants it, so two rows that would make the same thing meet.

    Attributes:
        key: `person:<email key>`, `organization:<name key>`, `label:<name>`, `field:<kind>:<name>`,
            `activities:<person id>`; and the row's own name (`contact 12`), because an edit changes the others. Also
            `ask:<what>`, by which one asks and the others wait (see single_flight.py).
        holder: Which worker of which process holds it (see leases.py).
        kind, row_id: The row that the worker works on, which is shown as in progress.
    """

    key = models.TextField(primary_key=True)
    holder = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    kind = models.CharField(max_length=20, blank=True, default="")
    row_id = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return self.key


class Intent(models.Model):
    """A create that was begun and whose outcome is not stored yet. Written before the request, gone with the id.

    Attributes:
        key: The row's name (`contact 12`), or what is made where no row stands behind it (`label:<name>`).
        what: What is made, as a lease's key: another row that would make the same must look for this, too.
        sent_at: When, by Pipedrive's clock.
        begun_at: The same by ours (see elapsed.py).
        uncertain_at: When its answer failed to come, by our clock; None while it is under way, and after a crash.
        answered: Pipedrive said itself that it failed, so one look is enough.
        creator_id: The user of Pipedrive's whose token it was, who is the record's creator; None of an earlier version.
        body: What was sent; the row may have been edited since. Of an update: Pipedrive's side, as it reads once done.
        ours, revision: The row's values and its revision when it was sent; of an update, the values that it changes.
    """

    key = models.TextField(primary_key=True)
    what = models.TextField(db_index=True)
    sent_at = models.DateTimeField()
    begun_at = models.DateTimeField()
    uncertain_at = models.DateTimeField(null=True)
    answered = models.BooleanField(default=False)
    creator_id = models.BigIntegerField(null=True)
    body = models.JSONField(default=dict)
    ours = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.key


class Attempt(models.Model):
    """One attempt that was made to bring a row to Pipedrive or in line with it, kept for people to read.

    Attributes:
        kind, row_id: Which row: "contact", "organization" or "activity", and its id.
        owner: Whose row it was; None for an organization, which is the team's.
        ok: Whether it came to its end.
        waited: For how many seconds the row had been wanted by then.
        text: What came of it, in plain words.
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
    """The one row (id 1) of the company to which the ids of Pipedrive's belong that are stored here.

    Attributes:
        company_id: Pipedrive's own; None when only an earlier version, which did not note it, has met the company.
        name, domain: As Pipedrive told them last.
        generation: Counts how often a person started anew with another company (see company.py).
    """

    company_id = models.BigIntegerField(null=True)
    name = models.TextField(blank=True, default="")
    domain = models.TextField(blank=True, default="")
    generation = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="company_is_one_row")]

    def __str__(self) -> str:
        return self.name or self.domain or f"company {self.company_id}"


class Remembered(models.Model):
    """What the account is made of (its users, fields, activity types), as it was told when it was asked."""

    name = models.CharField(max_length=300, primary_key=True)
    value = models.JSONField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class DirectoryKind(models.TextChoices):
    """What the directory lists."""

    PERSON = "person"
    ORGANIZATION = "organization"


class DirectoryState(models.Model):
    """How far the directory of a kind is filled, and since when it must be brought up to date.

    Attributes:
        cursor: Where the next page of the first listing begins; None before the first one.
        is_full: Whether the first listing has come to its end.
        tokens: What the first listing has cost so far.
        since: By Pipedrive's clock: everything that was changed before is in.
        looked_at: By ours: when the last look began.
        failures: How often in a row the first listing could not go on.
        retry_at: When it is tried again; None when it has not failed.
        problem: Why it failed the last time.
        unreadable: The ids of records that cannot be read, 0 for one without an id.
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

    def __str__(self) -> str:
        return self.kind


class DirectoryEntry(models.Model):
    """A name under which a record of Pipedrive's is found: an e-mail, an organization's name, or our own mark.

    Attributes:
        key: A keyed hash of it, so that the directory tells nobody whom the company knows.
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
            # sync.remote.directory: what is known of a record that has changed.
            models.Index(fields=["kind", "record_id"], name="directory_record"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.record_id}"


class ConnectionState(models.TextChoices):
    """How the connection to Pipedrive is; everything but `ok` stops all calls but a rare probe."""

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
    """The one row (id 1) that says how the connection is, and when to probe it again."""

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
        """Tell whether nothing was the matter when last heard of; probes nothing."""
        return not cls.objects.filter(pk=1).exclude(state=ConnectionState.OK).exists()


class NotificationKind(models.TextChoices):
    """What a notification is about."""

    CONTACT_SYNCED = "contact_synced"
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


class Notification(models.Model):
    """Something a user would want to know now. A row first, so that it is never lost; a toast when one looks.

    Attributes:
        user: For whom; None: for everyone.
        contact: The contact it is about, to lead there.
        row_id: Which row failed, of the table that the kind tells; None of other kinds.
        is_quiet: Nobody is interrupted for it; it only stands in the list.
        once: What is told only once has a name here, and the second telling is left out.
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
    """Up to which notification a user has seen the list of them."""

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="+")
    up_to = models.BigIntegerField()

    def __str__(self) -> str:
        return f"up to {self.up_to}"
