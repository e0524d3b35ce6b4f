"""Compares a token's company with that of the links, and starts over with another company.

Starting over drops all links, so everything is looked for in the other company before it is created there. It is one
transaction and begins a new generation (see company.py), so nothing of the old company is stored after it.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from warmline.crm import undo
from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.pipedrive import Pipedrive
from warmline.pipedrive import User as TheirUser
from warmline.sync import company, reported_changes, wakeups
from warmline.sync.after_change import fresh_attempts, no_choice
from warmline.sync.audit_models import forget_audits
from warmline.sync.company import Membership, is_another, name_of
from warmline.sync.deletion_models import ActivityDeletion
from warmline.sync.models import Company, ConnectionState, Intent, Lease, Notification
from warmline.sync.remote.account_cache import remember_own_user
from warmline.sync.remote.directory import forget_account, forget_another_account
from warmline.sync.retries import Trouble


@dataclass(frozen=True)
class Belongings:
    """How many rows have records in the company of the links.

    Attributes:
        contacts, organizations, activities: How many are linked.
        unfinished: How many creates and updates have an unknown outcome.
    """

    contacts: int
    organizations: int
    activities: int
    unfinished: int

    def __bool__(self) -> bool:
        return bool(self.contacts or self.organizations or self.activities or self.unfinished)

    def __str__(self) -> str:
        counted = (
            (self.contacts, "contact", "contacts"),
            (self.organizations, "organization", "organizations"),
            (self.activities, "activity", "activities"),
        )
        first, second, third = (f"{number:,} {one if number == 1 else many}" for number, one, many in counted)
        return f"{first}, {second} and {third}"


def belongings() -> Belongings:
    """Count the rows that have records in the company of the links."""
    return Belongings(
        contacts=Contact.objects.filter(pipedrive_person_id__isnull=False).count(),
        organizations=Organization.objects.filter(pipedrive_org_id__isnull=False).count(),
        activities=Activity.objects.filter(pipedrive_activity_id__isnull=False).count(),
        unfinished=Intent.objects.count(),
    )


def meet(pipedrive: Pipedrive, me: TheirUser, membership: Membership, now: datetime) -> Trouble | None:
    """Compare the token's company with that of the links, and let the engine work or not.

    The first company is stored, and so is a new name of the same company. Another company is accepted without asking
    if nothing is linked.

    Args:
        pipedrive: The client that asked.
        me: The token's user.
        membership: The engine's.
        now: The present moment, aware.

    Returns:
        The trouble if it is another company; None if the engine may work.
    """
    with transaction.atomic():
        ours, _ = Company.objects.select_for_update().get_or_create(pk=1, defaults=_told(me))
        if is_another(ours, me):
            if ours.generation or belongings():
                membership.refuse(ours.generation)
                return another(ours, me)
            ours = start_anew(me, now)
        Company.objects.filter(pk=1).update(**_told(me, ours))
        if membership.token and membership.was_never_confirmed():
            forget_another_account(pipedrive, membership.token)
        remember_own_user(me, now)
    membership.confirm(ours.generation)
    return None


def another(ours: Company, me: TheirUser) -> Trouble:
    """Return the trouble of having another company's token.

    Args:
        ours: The company of the links.
        me: The token's user.
    """
    text = (
        f"The API token belongs to {name_of(me)}, but the records linked here are in "
        f"{company.named(ours.name, ours.domain)}, so nothing is sent."
    )
    return Trouble(ConnectionState.ANOTHER_COMPANY, text)


def told_beforehand(ours: Company, me: TheirUser) -> list[str]:
    """Return sentences that say what starting over would do, for the person who has to decide.

    Args:
        ours: The company that would be left.
        me: The token's user, of the new company.
    """
    has = belongings()
    old, new = company.named(ours.name, ours.domain), name_of(me)
    told = [
        f"{has} are linked to records in {old}.",
        f"These links are dropped. The records stay in {old}; nothing is changed or deleted there.",
        f"Warmline looks in {new} for each warm contact, organization and activity, and creates what is missing.",
        "Your team's Pipedrive users are matched again by e-mail. Users chosen by hand are reset.",
    ]
    if has.unfinished:
        told.insert(1, f"For {has.unfinished:,} more, it is not known whether they were created there.")
    return told


def start_anew(me: TheirUser, now: datetime) -> Company:
    """Start over: drop everything that refers to the old company, and make what belongs in Pipedrive due again.

    Args:
        me: The token's user, of the new company.
        now: The present moment, aware.

    Returns:
        The new company.
    """
    with transaction.atomic():
        # This lock comes first, so that nothing is stored in between (see company.storing).
        ours, _ = Company.objects.select_for_update().get_or_create(pk=1, defaults=_told(me))
        Lease.objects.all().delete()
        Intent.objects.all().delete()
        ActivityDeletion.objects.all().delete()
        undo.forget_deleted()  # waits for what is being restored, whose links are then dropped
        _drop_links(now)
        undo.forget_deleted()  # what was deleted meanwhile
        forget_audits()
        # These are users of the old company.
        User.objects.exclude(pipedrive_user_id=None).update(pipedrive_user_id=None)
        # What is written only once may have to be written again for the new company.
        Notification.objects.exclude(once=None).update(once=None)
        forget_account()
        reported_changes.forget()
        Company.objects.filter(pk=1).update(**_told(me), generation=ours.generation + 1)
        wakeups.after_commit()
    return Company.objects.get(pk=1)


def _drop_links(now: datetime) -> None:
    """Unlink every row, and start it over if it was ever tried. Nobody waits for so many, so they go in bulk."""
    again = {**fresh_attempts(now), "pipedrive_in_bulk": True}
    # Contacts first: an activity that is logged while they are still linked is then seen below (see book.log_activity).
    _tried(Contact).update(pipedrive_person_id=None, pipedrive_agreed={}, **no_choice(), **again)
    _tried(Organization).update(pipedrive_org_id=None, pipedrive_agreed={}, **no_choice(), **again)
    # Activities that belonged in Pipedrive follow their contact again; the others stay here.
    Activity.objects.filter(replicate__in=[True]).update(replicate=None, logged_while_warm=True)
    # The agreed snapshots stay: they show that the activity may exist there already (see Steps.ensure_activity).
    _tried(Activity).update(pipedrive_activity_id=None, replicated_to_pipedrive=False, **again)


def _tried(model: type[Contact | Organization | Activity]) -> "QuerySet[Contact | Organization | Activity]":
    tried = Q(last_pipedrive_sync_attempt__isnull=False) | Q((f"{model.LINK}__isnull", False))
    rows: QuerySet[Contact | Organization | Activity] = model._default_manager.filter(tried)  # noqa: SLF001 (documented)
    return rows


def _told(me: TheirUser, before: Company | None = None) -> dict[str, object]:
    """Return the columns of a company as Pipedrive returned it; what is missing there stays as it was."""
    return {
        "company_id": me.company_id or (before.company_id if before else None),
        "name": me.company_name or (before.name if before else ""),
        "domain": me.company_domain or (before.domain if before else ""),
    }
