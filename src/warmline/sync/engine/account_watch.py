"""What an engine sees beside bringing rows: heeds what Pipedrive reports, keeps our webhooks there, and polls.

It is called where the directory is filled: by one thread at a time, as background work. While links are checked after
a restore, it only heeds what was reported: the rows wait, nothing is registered, and the looks go on afterwards.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Clock, Pipedrive
from warmline.sync import trusted_reports
from warmline.sync.account_models import ChangeReport
from warmline.sync.audit.owner_label_changes import Noticing
from warmline.sync.models import DirectoryKind
from warmline.sync.policy import Policy
from warmline.sync.reconcile import linking
from warmline.sync.reconcile.change_polling import RemoteChanges
from warmline.sync.reconcile.outcome import Brought
from warmline.sync.remote import reconcile_first
from warmline.sync.remote.directory import Directory
from warmline.sync.remote.known_by_reports import KnownByReports
from warmline.sync.remote.labels_owners_fields import References
from warmline.sync.remote.report_subscriptions import ReportSubscriptions


class AccountWatch:
    """Watches the account. Shared by the threads of an engine.

    Args:
        clock: On which all machines agree.
        poll_every: How often to ask for what changed; None for an engine that watches nothing.
        policy: Names the label.
        directory: What Pipedrive holds.

    Attributes:
        known: What reports tell; None if they are not trusted.
    """

    def __init__(self, clock: Clock, poll_every: timedelta | None, policy: Policy, directory: Directory) -> None:
        self._clock = clock
        self._policy = policy
        self.known = KnownByReports(directory, clock) if trusted_reports.are_wanted() else None
        self._noticing = Noticing(policy)
        self._changes = RemoteChanges(clock, poll_every or None, self._noticing.news)
        self._subscriptions = ReportSubscriptions(clock)
        self._is_on = poll_every is not None

    def link(self, row: Contact | Organization, brought: Brought) -> None:
        """Store the record of a row that was not linked.

        Args:
            row: The row, as read under its lease.
            brought: Its record.
        """
        now = self._clock.now()
        if isinstance(row, Contact):
            linking.link_contact(row, brought, policy=self._policy, now=now)
        else:
            linking.link_organization(row, brought, now=now)
        self._note(row, brought)

    def align(self, row: Contact | Organization, brought: Brought) -> None:
        """Store that a linked row and its record are in line, and what was noticed beside.

        Args:
            row: The row, as read under its lease.
            brought: Its record.
        """
        linking.align(row, brought, now=self._clock.now())
        self._noticing.notice(row, brought.record, self._clock.now())
        self._note(row, brought)

    def _note(self, row: Contact | Organization, brought: Brought) -> None:
        if self.known is not None and brought.record is not None:
            kind = DirectoryKind.PERSON if isinstance(row, Contact) else DirectoryKind.ORGANIZATION
            self.known.made(kind, brought.record, brought.sent_at)

    def is_time(self, pipedrive: Pipedrive) -> bool:
        """Tell whether there is something to do now, within the tokens for background work."""
        if not self._is_on:
            return False
        if self._changes.has_reports():
            return True
        if not (self._changes.is_time() or self._subscriptions.is_time()) or reconcile_first.is_on():
            return False
        return pipedrive.has_tokens_for_background()

    def run(self, pipedrive: Pipedrive, references: Callable[[], References]) -> None:
        """Do it: what was reported first, because that costs no call.

        Args:
            pipedrive: The client, for background work.
            references: Returns what knows in which field a sector is.

        Raises:
            BusyError: When another worker is at it.
            PipedriveError: When Pipedrive does not respond, or refuses.
        """
        if not self._is_on:
            return
        if self._changes.has_reports():
            self._changes.heed(self._hear(pipedrive))
        if reconcile_first.is_on() or not pipedrive.has_tokens_for_background():
            return
        if self._subscriptions.is_time():
            self._subscriptions.look(pipedrive)
        if self._changes.is_time():
            self._changes.look(pipedrive, references())

    def _hear(self, pipedrive: Pipedrive) -> Callable[[Sequence[ChangeReport]], None]:
        known = self.known
        return (lambda _: None) if known is None else (lambda reports: known.hear(pipedrive, reports))
