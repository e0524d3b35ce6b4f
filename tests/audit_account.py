"""A large account that is in line with ours, made without the engine: bringing so much over takes minutes."""

from typing import Any

from django.utils import timezone

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.pipedrive import Person
from warmline.sandbox import Sandbox
from warmline.sync.mapping import TYPES
from warmline.sync.models import Remembered
from warmline.sync.policy import Policy
from warmline.sync.reconcile import audit_baseline, snapshots
from warmline.sync.reconcile.outcome import Brought

MARKS = {"persons": "a" * 40, "organizations": "b" * 40}


class Account:
    """Ours and Pipedrive's side, the same.

    Attributes:
        organizations, contacts, activities: Our rows, linked.

    Args:
        sandbox: The other side.
        policy: Its label is made there.
        owner: Whose everything is.
    """

    def __init__(self, sandbox: Sandbox, policy: Policy, owner: User) -> None:
        self._sandbox, self._world, self._policy, self._owner = sandbox, sandbox.world, policy, owner
        self.organizations: list[Organization] = []
        self.contacts: list[Contact] = []
        self.activities: list[Activity] = []
        self._label = 99
        labels = next(field for field in self._world.fields["persons"] if field["field_code"] == "label_ids")
        labels["options"].append({"id": self._label, "label": policy.label})
        for kind, code in MARKS.items():
            field = {"field_name": "Warmline ID", "field_code": code, "field_type": "varchar", "is_custom_field": True}
            self._world.fields[kind].append({**field, "options": None})
        fields = [{"code": "label_ids", "options": [{"id": self._label, "label": policy.label}]}]
        Remembered.objects.create(name="person_fields", value=fields, at=timezone.now())
        Remembered.objects.create(name="organization_fields", value=[], at=timezone.now())

    def fill(self, organizations: int, contacts: int, activities: int) -> "Account":
        """Have so many on both sides; return the same."""
        self._add_organizations(organizations)
        self._add_contacts(contacts)
        self._add_activities(activities)
        return self

    def _add_organizations(self, number: int) -> None:
        rows = [Organization(name=f"Mill {n}", country="Sweden") for n in range(number)]
        for row in rows:
            record = self._sandbox.add(
                "organizations",
                name=row.name,
                owner_id=1,
                address={"value": "Sweden", "country": "Sweden"},
                custom_fields={MARKS["organizations"]: str(row.warmline_id)},
            )
            theirs = PipedriveOrganization.model_validate(record)
            row.pipedrive_org_id = theirs.id
            ours = snapshots.of_our_organization(row)
            row.pipedrive_agreed = snapshots.agreed(ours, snapshots.of_their_organization(theirs, ""))
            self.organizations.append(row)
        Organization.objects.bulk_create(rows, batch_size=500)
        for row in rows:
            self._note(row, PipedriveOrganization.model_validate(self._world.organizations[row.pipedrive_org_id or 0]))

    def _add_contacts(self, number: int) -> None:
        for n in range(number):
            organization = self.organizations[n % len(self.organizations)]
            row = Contact(
                owner=self._owner,
                name=f"Robin Vale{n}",
                email=f"robin{n}@example.com",
                phone=f"+46 8 {n:06}",
                organization=organization,
                warmness_score=7,
            )
            row.complete()
            record = self._sandbox.add(
                "persons",
                name=row.name,
                owner_id=1,
                org_id=organization.pipedrive_org_id,
                emails=[{"value": row.email, "primary": True, "label": "work"}],
                phones=[{"value": row.phone, "primary": True, "label": "work"}],
                label_ids=[self._label],
                custom_fields={MARKS["persons"]: str(row.warmline_id)},
            )
            row.pipedrive_person_id = record["id"]
            theirs = snapshots.of_person(Person.model_validate(record), row)
            row.pipedrive_agreed = snapshots.agreed(snapshots.of_contact(row), theirs)
            self.contacts.append(row)
        Contact.objects.bulk_create(self.contacts, batch_size=500)
        for row in self.contacts:
            self._note(row, Person.model_validate(self._world.persons[row.pipedrive_person_id or 0]))

    def _add_activities(self, number: int) -> None:
        for n in range(number):
            contact = self.contacts[n % len(self.contacts)]
            row = Activity(contact=contact, type="CALL", subject=f"Call {n}", note=f"About {n}", time_zone="UTC")
            record: dict[str, Any] = self._sandbox.add(
                "activities",
                subject=row.subject,
                type=TYPES["CALL"],
                note=row.note,
                done=True,
                owner_id=1,
                participants=[{"person_id": contact.pipedrive_person_id, "primary": True}],
            )
            row.pipedrive_activity_id, row.replicated_to_pipedrive, row.replicate = record["id"], True, True
            theirs = snapshots.of_their_activity(PipedriveActivity.model_validate(record))
            row.pipedrive_agreed = snapshots.agreed(snapshots.of_our_activity(row, TYPES["CALL"]), theirs)
            self.activities.append(row)
        Activity.objects.bulk_create(self.activities, batch_size=500)

    def _note(self, row: Contact | Organization, record: Person | PipedriveOrganization) -> None:
        brought = Brought(record.id, row.pipedrive_agreed, 1, record=record)
        audit_baseline.note_link(row, brought, row.created_at, self._policy)
