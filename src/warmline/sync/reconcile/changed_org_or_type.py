"""Finds out what it means here that a person was given another organization in Pipedrive, or an activity another type.

An organization is one of ours by its link; one that we do not know is read, and linked to ours of the same name, or
made. What cannot be said in our terms is noticed: people then see it in the audit, and decide.
"""

from collections.abc import Mapping
from dataclasses import replace

from django.core.exceptions import ValidationError
from django.db import transaction

from warmline.crm.activities import ActivityType
from warmline.crm.book import OrganizationDetails, find_or_make_organization
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Pipedrive
from warmline.sync.lease_keys import organization_key
from warmline.sync.leases import Leases
from warmline.sync.reconcile import audit_baseline, linking, snapshots
from warmline.sync.reconcile.candidates import those_there
from warmline.sync.reconcile.create import Steps
from warmline.sync.reconcile.outcome import Brought


class Moves:
    """Says what was moved there. For one piece of work.

    Args:
        pipedrive: The client.
        steps: Links an organization.
    """

    def __init__(self, pipedrive: Pipedrive, steps: Steps) -> None:
        self._pipedrive = pipedrive
        self._steps = steps

    def of_person(self, contact: Contact, brought: Brought) -> Brought:
        """Return an outcome with the organization here that its person was given there, if it was given another.

        Args:
            contact: The contact, as read.
            brought: Its person.

        Raises:
            BusyError: When another worker is bringing that organization.
        """
        name = "organization"
        if name not in brought.changed_there or name in audit_baseline.accepted(contact, brought):
            return brought
        org_id, before = brought.changed_there[name], contact.pipedrive_agreed["theirs"][name]
        if before is not None and not self._is_there(before):
            return brought  # it went with its record, and what becomes of that is the organization's own business
        if org_id is None:
            return replace(brought, here={**brought.here, name: None})
        found = Organization.objects.filter(pipedrive_org_id=org_id).first() or self._taken_in(org_id)
        if found is not None:
            return replace(brought, here={**brought.here, name: found})
        return replace(brought, noticed=brought.noticed | {name}) if self._is_there(org_id) else brought

    def _taken_in(self, org_id: int) -> Organization | None:
        """Return ours of the same name, made if there is none, and linked; None if it is another record's."""
        there = those_there(self._pipedrive.organization, {org_id})
        if not there:
            return None
        theirs = snapshots.of_their_organization(there[0], self._steps.references.sector_of(there[0]))
        ours = _of_name({name: theirs[name] for name in ("name", *Organization.DETAILS)})
        if ours is None:
            return None
        what = organization_key(ours)
        with Leases(self._steps.clock).hold_row("organization", ours.pk, what):
            ours.refresh_from_db()  # as it is under the lease
            link = self._steps.own_organization(ours, org_id) if organization_key(ours) == what else None
            if link is not None:
                linking.link_organization(ours, link, now=self._steps.clock.now())
                ours.refresh_from_db()
        return ours if ours.pipedrive_org_id == org_id else None

    def _is_there(self, org_id: int) -> bool:
        return bool(those_there(self._pipedrive.organization, {org_id}))


def type_here(there: str, types: Mapping[str, str]) -> str | None:
    """Return our type for one of Pipedrive's; None where none or several of ours are sent as that.

    Args:
        there: The key of Pipedrive's type.
        types: Pipedrive's type for each of ours.
    """
    ours = [each for each, theirs in types.items() if theirs == there]
    of_that_name = [each for each in ours if ActivityType(each).value.lower() == there]
    return ours[0] if len(ours) == 1 else of_that_name[0] if of_that_name else None


def of_activity(brought: Brought, types: Mapping[str, str]) -> Brought:
    """Return an outcome with the type here that an activity was given there, if it was given another.

    Args:
        brought: Its record.
        types: Pipedrive's type for each of ours.
    """
    if "type" not in brought.changed_there:
        return brought
    found = type_here(str(brought.changed_there["type"]), types)
    if found is None:
        return replace(brought, noticed=brought.noticed | {"type"})
    return replace(brought, here={**brought.here, "type": found})


def _of_name(details: Mapping[str, str]) -> Organization | None:
    """Return the team's organization of a name, made if there is none; None if it cannot be stored here."""
    for some in (details, {"name": details["name"]}):
        try:
            with transaction.atomic():
                return find_or_make_organization(OrganizationDetails(**some))[0]
        except ValidationError:
            continue
    return None
