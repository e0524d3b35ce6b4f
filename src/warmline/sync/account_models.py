"""The rows that say how Warmline gets into the account in Pipedrive, and up to when it has seen what changes there.

They are tables like those in `models.py`; `apps.py` has Django find them.
"""

from django.db import models


class OAuthGrant(models.Model):
    """What a user of Pipedrive has let Warmline's app do; only the one that the stored way in names is in use.

    Attributes:
        name: Ours.
        access_token, refresh_token: Encrypted by `credentials.py`.
        expires_at: When the access token ends.
        refreshed_at: When the refresh token was last used; it dies 60 days later.
        version: Counts the refreshes.
        scope: What it covers, with spaces between.
        api_domain: The address for calls, as it came with the tokens.
        company_id, user_id: Whose it is.
        ended: Why it is over, for people; empty while it is in force.
    """

    name = models.CharField(max_length=36, primary_key=True)
    access_token = models.TextField()
    refresh_token = models.TextField()
    expires_at = models.DateTimeField()
    refreshed_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=0)
    scope = models.TextField(blank=True, default="")
    api_domain = models.TextField(blank=True, default="")
    company_id = models.BigIntegerField(null=True)
    user_id = models.BigIntegerField()
    ended = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return self.name


class OAuthState(models.Model):
    """A question to a browser that was sent to let the app in; the answer has to bring it back, and only once.

    Attributes:
        digest: A hash of what the browser brings back; what it hashes is in the browser's session.
        at: When it was asked.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest


class ChangesSeen(models.Model):
    """Up to when the changes in Pipedrive of a kind of record were seen (see reconcile/change_polling.py).

    Attributes:
        kind: "person", "organization" or "activity".
        since: By Pipedrive's clock: all changes before this moment were seen.
        looked_at: By our clock: when the last look began.
        looks: How many looks there were since some linked records were last asked for by their ids.
        checked_to: The id of the last record that was; the next ones follow behind it, and begin anew at the end.
    """

    kind = models.CharField(max_length=20, primary_key=True)
    since = models.DateTimeField()
    looked_at = models.DateTimeField()
    looks = models.PositiveIntegerField(default=0)
    checked_to = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.kind


class ChangeReport(models.Model):
    """A report of Pipedrive's that a record changed, until somebody has looked (see reported_changes.py).

    Attributes:
        key: A digest of the event's own id, so that a second delivery is not another report.
        kind: "person", "organization", "activity" or "user".
        record_id: The record's id.
        is_new: Whether it is said to have been created.
        is_deleted: Whether it is said to be deleted or merged.
        merged_to: The record that it is said to have been merged into; None for none.
        is_bulk: Whether it is said to be one of many that were changed at once.
        data: The record as the report shows it, to recognize our own writes; empty for none.
        at: When it came.
    """

    key = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=20)
    record_id = models.BigIntegerField()
    is_new = models.BooleanField(default=False)
    is_deleted = models.BooleanField(default=False)
    merged_to = models.BigIntegerField(null=True)
    is_bulk = models.BooleanField(default=False)
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} {self.record_id}"


class ReadAhead(models.Model):
    """A record of a linked row as a list has shown it, for the row's next attempt (see reconcile/read_ahead.py).

    Attributes:
        kind: The row's kind: "contact", "organization" or "activity".
        row_id: The row's id.
        revision: The row's revision for which it was read.
        record_id: The record's id.
        record: As it was read.
        at: When it was.
    """

    kind = models.CharField(max_length=20)
    row_id = models.BigIntegerField()
    revision = models.PositiveIntegerField()
    record_id = models.BigIntegerField()
    record = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "row_id"], name="read_ahead_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.row_id}"


class ReportedMerge(models.Model):
    """A report that a record was merged into another one, kept until the row that was linked to it has followed.

    Attributes:
        kind: "person" or "organization".
        record_id: The record that is gone.
        merged_to: The one that stayed.
        at: When it was reported.
    """

    kind = models.CharField(max_length=20)
    record_id = models.BigIntegerField()
    merged_to = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "record_id"], name="reported_merge_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.record_id} into {self.merged_to}"


class ReportIntake(models.Model):
    """The one row (id 1) that says how reports come in.

    Attributes:
        address: Where Pipedrive was last asked to report, a mark of the password behind “#”; empty while it was not.
        checked_at: When it was last looked whether it still knows; None for never.
        problem: Why it cannot report, in plain words; empty if it can.
        heard_at: When the last report came; None for never.
        gap_since: Since when reports may have been lost; None if the looks at changes have closed the gap.
        last_gap_from, last_gap_until: The last gap that was closed; None while there was none.
        proven_from: Since when reports are proven to come (see trusted_reports.py); None while they are not.
        delay: How many seconds they take.
    """

    address = models.TextField(blank=True, default="")
    checked_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True, default="")
    heard_at = models.DateTimeField(null=True)
    gap_since = models.DateTimeField(null=True)
    last_gap_from = models.DateTimeField(null=True)
    last_gap_until = models.DateTimeField(null=True)
    proven_from = models.DateTimeField(null=True)
    delay = models.FloatField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="report_intake_is_one_row")]

    def __str__(self) -> str:
        return self.address


class AwaitedReport(models.Model):
    """A record that we have created, until Pipedrive reports it; kept only while reports may be trusted.

    Attributes:
        kind: "person" or "organization".
        record_id: The record's id.
        sent_at: When its create was sent.
    """

    kind = models.CharField(max_length=20)
    record_id = models.BigIntegerField()
    sent_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "record_id"], name="awaited_report_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.record_id}"
