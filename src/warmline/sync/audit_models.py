"""The rows of the audit: each run, what it has to look at again, what it found, and what is known of each link.

None of them says what has to be in Pipedrive. Losing all of them would cost the next audit some tokens.
"""

from collections.abc import Iterable

from django.db import models


class AuditState(models.TextChoices):
    """How far the latest audit is."""

    NEVER = "never", "Never run"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    DONE = "done", "Done"


class Problem(models.TextChoices):
    """What can be wrong with a row and its record."""

    MISSING = "missing", "missing"
    GONE = "gone", "gone"
    DOUBLE = "double", "double"
    DIFFERENT = "different", "different"
    OWNER = "owner", "owner"
    LABEL = "label", "label"
    ORGANIZATION = "organization", "organization"
    ACTIVITY = "activity", "activity"


class Phase(models.TextChoices):
    """What an audit is at. It goes through them in this order."""

    PERSONS = "contact"
    ORGANIZATIONS = "organization"
    ACTIVITIES = "activity"
    CHECKS = "checks"


class Audit(models.Model):
    """One run, perhaps over several nights.

    Attributes:
        state, message: What people are told of it.
        generation: Of the company that it reads (see company.py).
        is_open: Whether it is not over yet.
        phase: What it is at.
        stage: What it reads of that kind at present: everything, only what has changed, or some records by their ids.
        cursor: Where the next page begins; None at the beginning of a list.
        read_from: When it began to read, by Pipedrive's clock; None before it has, and in audits of earlier versions.
        pages, tokens: What it has cost so far.
        night_at, left: When its present night began, None before it has, and how many tokens it may still spend in it;
            None for any number.
        go_on_at: When it goes on after a pause.
        failures: How many times in a row a page or a check could not be made.
        still_waiting: How many rows seemed to be missing at the last look; None before the first.
        restarted: Kinds whose list was begun anew because its cursor had expired.
        listed: How many records the list of each kind had, by kind.
        compared, warm, there: How many links were compared, how many contacts are warm, and how many of them are in
            Pipedrive.
    """

    state = models.CharField(max_length=10, choices=AuditState.choices, default=AuditState.RUNNING)
    message = models.TextField(blank=True, default="")
    generation = models.PositiveIntegerField(null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    is_open = models.BooleanField(default=True)
    phase = models.CharField(max_length=20, choices=Phase.choices, default=Phase.PERSONS)
    stage = models.CharField(max_length=10, blank=True, default="")
    cursor = models.TextField(null=True)  # noqa: DJ001 (no cursor is not an empty one)
    read_from = models.DateTimeField(null=True)
    pages = models.PositiveIntegerField(default=0)
    tokens = models.PositiveIntegerField(default=0)
    night_at = models.DateTimeField(null=True)
    left = models.IntegerField(null=True)
    still_waiting = models.IntegerField(null=True)
    go_on_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    restarted = models.JSONField(default=list)
    listed = models.JSONField(default=dict)
    compared = models.PositiveIntegerField(default=0)
    warm = models.PositiveIntegerField(default=0)
    there = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            # Of two that begin an audit at the same moment, one does.
            models.UniqueConstraint(fields=["is_open"], name="audit_one_at_a_time", condition=models.Q(is_open=True)),
        ]

    def __str__(self) -> str:
        return f"audit {self.pk}"


class AuditedLink(models.Model):
    """What the audit knows of a row's link, beside what the row itself has.

    Attributes:
        kind, row_id: The row.
        record_id: Its record. If the row has another one by now, nothing of this counts.
        is_ours: Whether we created the record.
        owner_id: Who owned it in Pipedrive when it was linked; None if that is not known.
        owner_here: The row's owner at that moment.
        label_id: Our label, if the record had it then.
        email_key: The contact's e-mail then.
        apart: Records with its e-mail that somebody told apart from it; None if that is not known.
        linked_at: When it was linked, or first seen by an audit.
        looked_at: When an audit looked at it last.
        seen_in: The audit that has seen the record last; 0 for none.
        accepted: What a person has accepted, by field or problem, as it was then.
    """

    kind = models.CharField(max_length=20)
    row_id = models.BigIntegerField()
    record_id = models.BigIntegerField(null=True)
    is_ours = models.BooleanField(default=False)
    owner_id = models.BigIntegerField(null=True)
    owner_here = models.BigIntegerField(null=True)
    label_id = models.BigIntegerField(null=True)
    email_key = models.TextField(blank=True, default="")
    apart = models.JSONField(null=True, default=None)
    linked_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True)
    seen_in = models.BigIntegerField(default=0)
    accepted = models.JSONField(default=dict)

    class Meta:
        constraints = [
            # sync.audit: what is known of a row's link.
            models.UniqueConstraint(fields=["kind", "row_id"], name="audited_link_once"),
        ]
        indexes = [
            # sync.audit: the links that were not looked at for longest.
            models.Index(fields=["kind", "looked_at"], name="audited_link_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.row_id}"


class Suspect(models.Model):
    """A row that an audit has to look at again before it says anything of it.

    Attributes:
        kind, row_id: The row.
        others: Records that may be the same as the row's.
    """

    kind = models.CharField(max_length=20)
    row_id = models.BigIntegerField()
    others = models.JSONField(default=list)

    class Meta:
        constraints = [
            # sync.audit: a row is suspected once.
            models.UniqueConstraint(fields=["kind", "row_id"], name="suspect_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.row_id}"


class Finding(models.Model):
    """A problem that was there when the audit looked a second time.

    Attributes:
        kind, row_id: The row.
        record_id: Its record; None if it has none.
        problem: What is wrong.
        fields: Which fields differ.
        values: By field, our value and Pipedrive's, as JSON has them.
        others: The other records with the same Warmline ID or e-mail.
        mends_itself: Whether it can be repaired without a person's decision.
        wish: Whether somebody wants it to be repaired; the audit's worker does that.
        found_at: When it was found first.
        said: Why the repair could not be made; empty if none was tried.
    """

    kind = models.CharField(max_length=20)
    row_id = models.BigIntegerField()
    record_id = models.BigIntegerField(null=True)
    problem = models.CharField(max_length=20, choices=Problem.choices)
    fields = models.JSONField(default=list)
    values = models.JSONField(default=dict)
    others = models.JSONField(default=list)
    mends_itself = models.BooleanField(default=False)
    wish = models.BooleanField(default=False)
    found_at = models.DateTimeField()
    said = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            # sync.audit: what was found of a row. sync.status: the findings of a problem.
            models.UniqueConstraint(fields=["kind", "row_id", "problem"], name="finding_once"),
        ]
        indexes = [
            # sync.status: how many there are of each problem, and those of one.
            models.Index(fields=["problem", "id"], name="finding_problem"),
            # sync.audit: what is to be repaired.
            models.Index(fields=["id"], name="finding_wished", condition=models.Q(wish=True)),
        ]

    def __str__(self) -> str:
        return f"{self.problem} {self.kind} {self.row_id}"


def forget_rows(kind: str, row_ids: Iterable[int]) -> None:
    """Delete what audits know of rows that are deleted here."""
    for model in (AuditedLink, Suspect, Finding):
        model._default_manager.filter(kind=kind, row_id__in=list(row_ids)).delete()  # noqa: SLF001 (documented as public)


def forget_audits() -> None:
    """Delete everything that audits know: the links that it is about are dropped."""
    for model in (Audit, AuditedLink, Suspect, Finding):
        model._default_manager.all().delete()  # noqa: SLF001 (Django documents it as public)
