"""Rows about the installation itself: its starts, the check of all links after a restore, and other installations.

They are what tells an old copy of the database from the one that was in use last.
"""

from django.db import models


class Start(models.Model):
    """A start of `serve` or of a worker. The last one is also noted outside of the database (see restore_detection.py).

    Attributes:
        number: Counts the starts.
        token: Eight hexadecimal digits, in the marks of all rows that are made from then on (see crm/marks.py).
        place: On PostgreSQL, which tables of which database it was; empty on SQLite.
    """

    number = models.BigIntegerField(primary_key=True)
    token = models.CharField(max_length=8, unique=True)
    at = models.DateTimeField()
    place = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"start {self.number}"


class LinkCheck(models.Model):
    """The one row (id 1) with the last check of all links (see remote/reconcile_first.py).

    Nothing is sent before its end.

    Attributes:
        reason: Why it was begun, in a sentence.
        began_at, ended_at: The latter is None while it goes on.
        stage, after: Which table is being checked, and the id of its last row that was.
        total, checked: How many links there were at its beginning, and how many of them have been checked.
        figures: How many there were of each outcome, by kind of row.
        gone: The rows whose records are gone, as `["contact 12"]`.
        doubtful: The rows whose records are there and look like somebody else's, likewise.
        left_there: The records with a mark of ours of which no row knows, as `["person 12"]`.
        retry_at, problem, failures: When it goes on after a failure, what failed, and how often in a row.
    """

    reason = models.TextField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    stage = models.CharField(max_length=20)
    after = models.BigIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    checked = models.PositiveIntegerField(default=0)
    figures = models.JSONField(default=dict)
    gone = models.JSONField(default=list)
    doubtful = models.JSONField(default=list)
    left_there = models.JSONField(default=list)
    retry_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True, default="")
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="link_check_is_one_row")]

    def __str__(self) -> str:
        return self.reason


class OtherInstallation(models.Model):
    """A start that is none of ours, found in the marks of records in Pipedrive (see remote/other_installations.py).

    Attributes:
        token: The start's.
        kind, record_id: The record in which it was seen last.
        is_past: Whether it was only seen in records from before the last check of all links: it may have been us, in
            what the restored backup does not know.
    """

    token = models.CharField(max_length=8, primary_key=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    record_id = models.BigIntegerField()
    is_past = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.token
