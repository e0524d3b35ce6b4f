"""The import of a file: kept with all its rows, so that it goes on without a browser, and after a restart.

A run is matched, checked, looked at, and then imported. Checking and importing are done by a thread of `serve` (see
`worker.py`), which finds in the rows themselves what is left to do: a row that is not checked has no result, one
that is to be imported is new. So nothing is lost by stopping anywhere, and nothing is done twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.functional import cached_property

from warmline.crm.chunks import in_pieces
from warmline.crm.imports import column_choices, columns, files, headings, profiles
from warmline.crm.imports.columns import ReadRow
from warmline.crm.signals import import_wanted
from warmline.crm.users import User

STORED_BY = timedelta(hours=1)  # a file that is not whole by then never will be: its request was cut off
KEPT = timedelta(days=30)  # what people have imported is in the contact book; the file is a copy of it


class Status(models.TextChoices):
    """Where a run stands; a partial one is being stored or forgotten, and nobody sees it."""

    PARTIAL = "partial", "not whole"
    MATCHING = "matching", "waits for its columns"
    CHECKING = "checking", "being checked"
    CHECKED = "checked", "waits for you"
    IMPORTING = "importing", "being imported"
    DONE = "done", "done"
    TAKING_BACK = "taking_back", "being taken back"


AT_WORK = (Status.CHECKING, Status.IMPORTING, Status.TAKING_BACK)
WAITING = (Status.MATCHING, Status.CHECKED)


class RowResult(models.TextChoices):
    """What will become, or became, of a row."""

    UNKNOWN = "", "Not checked"
    NEW = "new", "New"
    ADDED = "added", "Added"
    KNOWN = "known", "Known"
    COMPLETES = "completes", "Completes a known contact"
    COMPLETED = "completed", "Completed a known contact"
    DIFFERS = "differs", "Like a known contact, with another phone"
    INVALID = "invalid", "Invalid"
    LEFT_OUT = "left_out", "Left out"
    TAKEN_BACK = "taken_back", "Taken back"
    KEPT = "kept", "Kept, because it was changed since"


class ImportRun(models.Model):
    """The import of one file.

    Attributes:
        encoding, delimiter: How the file was written, to tell and to write in the same way; no delimiter for a file
            that is no CSV.
        has_headings: Whether one of its first rows names the columns.
        columns: What each column holds, see columns.py.
        filled: How many cells of each column are filled.
        profile: From which program the file is, as far as its headings tell.
        left_out: What of the file is in no row, in words.
        completes: Whether the known contacts that rows can complete are completed.
        holder, held_until: Which worker is at it, and until when it is believed to be.
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="imports")
    file_name = models.CharField(max_length=255)
    encoding = models.CharField(max_length=20)
    delimiter = models.CharField(max_length=1, blank=True)
    has_headings = models.BooleanField(default=True)
    columns = models.JSONField(default=list)
    filled = models.JSONField(default=list)
    profile = models.CharField(max_length=40, blank=True, default="")
    left_out = models.JSONField(default=list)
    completes = models.BooleanField(default=False)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.MATCHING)
    holder = models.CharField(max_length=40, blank=True, default="")
    held_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # crm.imports.worker: what is to be checked or imported, the oldest first.
            models.Index(
                fields=["id"],
                name="import_at_work",
                condition=models.Q(status__in=["checking", "importing", "taking_back"]),
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def contacts(self) -> "models.QuerySet[ImportRow]":
        """The rows that are contacts, and not headings."""
        return self.rows.filter(is_heading=False)

    @property
    def is_ours(self) -> bool:
        """Whether Warmline wrote the file, so that each cell is a value as it is."""
        return self.profile == profiles.OURS

    @cached_property
    def called(self) -> list[str]:
        """What the columns are called; nothing in a file of ours, in which each cell is a value as it is."""
        names = None if self.is_ours else self.rows.filter(is_heading=True).values_list("cells", flat=True).first()
        return names or []

    @cached_property
    def labels(self) -> list[str]:
        """What the e-mails and phones of each column are for, as far as its heading tells."""
        return list(map(headings.label, self.called))

    def said(self, cells: Sequence[str]) -> ReadRow:
        """Return what a row says.

        Args:
            cells: Of the row.
        """
        return columns.read(cells, self.columns, is_ours=self.is_ours, labels=self.labels, names=self.called)

    def names(self, heading: "ImportRow | None") -> list[str]:
        """Return what the columns are called, where they have no name by their place.

        Args:
            heading: The row that names them; None when none does.
        """
        cells = heading.cells if heading else [""] * len(self.columns)
        return [name.strip() or f"Column {index}" for index, name in enumerate(cells, start=1)]

    @classmethod
    def of(cls, owner: User) -> "models.QuerySet[ImportRun]":
        """Return the runs of a user that they see."""
        return cls._default_manager.filter(owner=owner).exclude(status=Status.PARTIAL)

    @property
    def is_at_work(self) -> bool:
        """Whether the server has something to do for it."""
        return self.status in AT_WORK


class ImportRow(models.Model):
    """A row of a file.

    Attributes:
        number: As a spreadsheet shows it.
        is_heading: Whether it names the columns.
        reasons: Why it is invalid; of another row, what is left out of it, and what else is to be known.
        is_warm: Whether it goes to Pipedrive when it is added.
        is_another: Whether somebody decided that it is nobody who is known.
        contact_id: The contact that was added or is known.
    """

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="rows", db_index=False)
    number = models.PositiveIntegerField()
    is_heading = models.BooleanField(default=False)
    cells = models.JSONField(default=list)
    result = models.CharField(max_length=10, choices=RowResult.choices, blank=True, default="")
    reasons = models.JSONField(default=list)
    is_warm = models.BooleanField(default=False)
    is_another = models.BooleanField(default=False)
    contact_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="import_row_once")]
        indexes = [
            # crm.imports: the rows of one result in their order, and how many there are and are warm.
            models.Index(fields=["run", "is_heading", "result", "number", "is_warm"], name="import_row_result"),
            # crm.imports: a page of the rows.
            models.Index(fields=["run", "is_heading", "number"], name="import_row_page"),
        ]

    def __str__(self) -> str:
        return f"row {self.number}"


def begin(owner: User, file_name: str, content: bytes) -> ImportRun:
    """Keep a file, match its columns by themselves, and have it checked if that came to something.

    Args:
        owner: Whose contacts its rows become.
        file_name: As the browser says it.
        content: All of it.

    Raises:
        FileError: When it cannot be read; nothing is kept then.
    """
    table = files.read(content)
    first = [cells for _, cells in table.rows[: headings.WITHIN]]
    heading, chosen = column_choices.remembered(owner, first)
    if heading is None:
        heading = headings.find(first)
        names = first[heading or 0]
        chosen = [""] * len(names) if heading is None else [str(kind) for kind in headings.kinds(names)]
    below = table.rows if heading is None else table.rows[heading + 1 :]
    run = ImportRun(
        owner=owner,
        file_name=file_name[-255:],
        status=Status.PARTIAL,
        encoding=table.encoding,
        delimiter=table.delimiter,
        has_headings=heading is not None,
        columns=chosen,
        filled=column_choices.filled([cells for _, cells in below], len(chosen)),
        profile=table.profile or ("" if heading is None else profiles.of(first[heading])),
        left_out=list(table.left_out),
    )
    run.save()
    rows = [
        ImportRow(run=run, number=number, cells=cells, is_heading=index == heading)
        for index, (number, cells) in enumerate(table.rows)
    ]
    in_pieces(rows, _store)
    with transaction.atomic():
        if columns.problem(run.columns):
            run.status = Status.MATCHING
            run.save(update_fields=["status"])
        else:
            set_to_work(run, Status.CHECKING)
    return run


def start(run: ImportRun, *, completes: bool = False) -> None:
    """Import the rows of a run that are new; nothing happens to one that is not checked, or was imported.

    Args:
        run: Any.
        completes: Whether known contacts get what rows say that they have no value for.
    """
    with transaction.atomic():
        # Held, so that nobody forgets it between the look and the start.
        if ImportRun.objects.select_for_update().filter(pk=run.pk, status=Status.CHECKED).first():
            ImportRun.objects.filter(pk=run.pk).update(completes=completes)
            set_to_work(run, Status.IMPORTING)


def take_back(run: ImportRun) -> None:
    """Delete the contacts that a run added and nobody touched since; nothing happens to a run that is not done."""
    with transaction.atomic():
        if ImportRun.objects.select_for_update().filter(pk=run.pk, status=Status.DONE).first():
            set_to_work(run, Status.TAKING_BACK)


def discard(run: ImportRun) -> bool:
    """Forget a file; the contacts that were imported stay.

    Args:
        run: Any.

    Returns:
        Whether it was forgotten; not while it is being imported, or taken back.
    """
    # From then on nobody starts it any more.
    idle = (
        ImportRun.objects.filter(pk=run.pk)
        .exclude(status__in=[Status.IMPORTING, Status.TAKING_BACK])
        .update(status=Status.PARTIAL)
    )
    if idle:
        _delete(run)
    return bool(idle)


def forget_old(now: datetime) -> None:
    """Forget everybody's files that were kept for long enough; those at work stay.

    Args:
        now: Tells how old they are.
    """
    left = Q(created_at__lt=now - KEPT) | Q(status=Status.PARTIAL, created_at__lt=now - STORED_BY)
    for run in ImportRun.objects.filter(left).exclude(status__in=AT_WORK):
        discard(run)


def leave(owner: User, heir: User | None) -> None:
    """Take the imports of one who leaves away from them, also one that is under way.

    Args:
        owner: Who leaves.
        heir: Whose they become, with what is still to be added; None ends them.
    """
    runs = ImportRun.objects.filter(owner=owner)
    if heir is None:
        runs.update(status=Status.PARTIAL, holder="", held_until=None)  # who is at it lets go
    else:
        runs.update(owner=heir, holder="", held_until=None)  # who is at it lets go, and begins again as the heir's


def end(owner: User) -> None:
    """Delete what `leave` took away from someone without an heir; some rows at a time, outside of any transaction."""
    for run in ImportRun.objects.filter(owner=owner, status=Status.PARTIAL):
        _delete(run)


def contacts_of(run_id: int) -> "QuerySet[ImportRow, int | None]":
    """Return the ids of the contacts that a run added or completed, as a query.

    Args:
        run_id: Its id; of one that there is not, there are none.
    """
    made = [RowResult.ADDED, RowResult.COMPLETED, RowResult.KEPT]
    rows = ImportRow.objects.filter(run=run_id, is_heading=False, result__in=made, contact_id__isnull=False)
    return rows.values_list("contact_id", flat=True)


def counts(run: ImportRun) -> dict[str, int]:
    """Count the rows of a run: `all`, by result, and `warm`: those that go, or went, to Pipedrive."""
    found = run.contacts.aggregate(
        all=Count("pk"),
        warm=Count("pk", filter=Q(is_warm=True, result__in=[RowResult.NEW, RowResult.ADDED])),
        unchecked=Count("pk", filter=Q(result=RowResult.UNKNOWN)),
        **{result.value: Count("pk", filter=Q(result=result)) for result in RowResult if result},
    )
    return dict(found)


def _store(rows: Sequence[ImportRow]) -> None:
    ImportRow.objects.bulk_create(rows)


def _delete(run: ImportRun) -> None:
    """Delete a run that is partial by now, and its rows before it."""

    def delete(ids: Sequence[int]) -> None:
        ImportRow.objects.filter(pk__in=ids).delete()

    in_pieces(list(run.rows.values_list("pk", flat=True)), delete)
    ImportRun.objects.filter(pk=run.pk).delete()


def set_to_work(run: ImportRun, status: Status) -> None:
    """Have the worker do something for a run; within a transaction.

    Args:
        run: The run, which is held.
        status: What is to be done: one of AT_WORK.
    """
    run.status, run.holder, run.held_until = status, "", None
    run.save(update_fields=["status", "holder", "held_until"])
    transaction.on_commit(lambda: import_wanted.send(ImportRun))
