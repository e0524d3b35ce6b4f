"""What people do, here and in Pipedrive, whatever the seed says. Everything they do is written into the journal."""

from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

from chaos.journal import KINDS, Journal
from django.utils import timezone

from warmline.crm import book, preferences, team
from warmline.crm.activities import Activity, ActivityType
from warmline.crm.activity_deletion import delete_activity
from warmline.crm.emails_phones import as_json
from warmline.crm.imports.bulk import import_contacts
from warmline.crm.models import Contact, Organization
from warmline.crm.undo import GOOD_FOR, CannotUndoError, Deed, Keeper, undo
from warmline.crm.users import User
from warmline.sandbox import Sandbox
from warmline.sync.status import retry_and_choose

NAMES = ("Jordan Ames", "Robin Vale", "Kim Castell", "ÅSA Öberg", "Ali  O'Neill", "山田 太郎")
FAMILY = {"Jordan Ames": "Ames", "Robin Vale": "Vale", "Kim Castell": "Castell"}
STRANGERS = ("Petra Maier", "Ida Holm", "Viktor Brandt")  # share no word with any name of ours
FIRMS = ("Larkspur Mills", "larkspur  MILLS", "Osprey & Sons", "Ternary")
SECTORS = ("", "Manufacturing", "Basket weaving")
PHONES = ("", "+49 30 5550100", "+1 555 0100", "+1 555 0101")
NOTES = ("", "Called back", "a\nb <anna@example.com> & c")
MAILBOXES = 5
LABELS = ("work", "mobile", "home", "other")
SAME = {"emails": "email", "phones": "phone"}  # all of them, and the primary one
GRACE = timedelta(seconds=10)
GRACES = (timedelta(0), GRACE, GOOD_FOR)  # of deletions, which can be undone for longer than a wrong clock says


class Here:
    """Users of Warmline."""

    def __init__(self, random: Random, users: list[User], journal: Journal) -> None:
        self._random, self._users, self._journal = random, users, journal
        self._kept: list[Keeper] = []

    def add_contact(self) -> None:
        """Add a contact; names, mailboxes and organizations come from a small world, so that they meet."""
        number = self._random.randrange(8)
        firm = book.OrganizationDetails(
            self._random.choice(FIRMS), self._random.choice(SECTORS), self._random.choice(("", "Peru"))
        )
        contact = book.add_contact(
            self._random.choice(self._users),
            name=NAMES[number % len(NAMES)] if self._random.random() < 0.7 else self._random.choice(NAMES),
            email=f"someone{number}@example.com" if number < MAILBOXES else "",
            phone=self._random.choice(PHONES),
            more_emails=self._more("email"),
            more_phones=self._more("phone"),
            organization=self._random.choice((None, firm)),
            warmness_score=self._random.choice((2, 4, 7)),
        )
        self._note_contact(contact)
        self._journal.note(f"{contact.owner.name} adds contact {contact.pk} {contact.name} {contact.email}")

    def import_some(self) -> None:
        """Import a few contacts at once."""
        owner = self._random.choice(self._users)
        rows = [{"name": f"Lead Number{self._random.randrange(40)}", "warmness_score": 5} for _ in range(6)]
        for outcomes in import_contacts(owner, rows):
            for outcome in outcomes:
                contact = Contact.objects.get(pk=outcome.contact_id or 0)
                self._journal.names["contact", contact.pk].add(contact.name)
        self._journal.note(f"{owner.name} imports six")

    def edit(self) -> None:
        """Edit a contact, an organization or an activity."""
        match self._random.randrange(11):
            case 0 | 1:
                self._edit_activity()
            case 8 | 9 | 10:
                self._edit_several()
            case 2:
                name = f"{self._random.choice(NAMES)} {self._random.randrange(9)}"
                self._edit_contact({"name": name}, self._of_the_chosen())
            case 3:
                self._edit_contact({"phone": self._random.choice(PHONES)})
            case 4:
                number = self._random.randrange(8)
                self._edit_contact({"email": f"someone{number}@example.com" if number < MAILBOXES else ""})
            case 5:
                firm = book.OrganizationDetails(self._random.choice(FIRMS))
                self._edit_contact({"organization": self._random.choice((None, firm))})
            case 6:
                self._edit_contact({"warmness_score": self._random.choice((3, 4, 9))})
            case 7:
                self._edit_organization()

    def _more(self, kind: str) -> list[list[str]]:
        """Return some values beyond the first; most are their own, and a few mailboxes are everybody's."""
        if self._random.random() < 0.6:
            return []
        values = {
            "email": (
                f"own{self._random.randrange(30)}@example.org",
                f"someone{self._random.randrange(8)}@example.com",
            ),
            "phone": (f"+1 555 02{self._random.randrange(10, 99)}", "+1 555 0100"),
        }[kind]
        some = [values[self._random.random() < 0.15] for _ in range(self._random.choice((1, 1, 2)))]
        return [[value, self._random.choice(LABELS)] for value in some]

    def _edit_several(self) -> None:
        """Add, take away, label or move some of a contact's e-mails or phones."""
        contact = self._any(Contact)
        if contact is None:
            return
        kind = self._random.choice(("email", "phone"))
        values = as_json(getattr(contact, f"{kind}s"))
        match self._random.randrange(4):
            case 0:
                values += self._more(kind)
            case 1 if values:
                del values[self._random.randrange(len(values))]
            case 2 if values:
                values[self._random.randrange(len(values))][1] = self._random.choice(LABELS)
            case 3:
                self._random.shuffle(values)
        self._edit_contact({f"{kind}s": values}, contact)

    def log_activity(self) -> None:
        """Log an activity; two alike are as likely as in life, and many at once happen."""
        contact = self._any(Contact)
        if contact is None:
            return
        times = self._random.choice((1, 1, 1, 1, 2, 15))
        for _ in range(times):
            book.log_activity(
                contact.owner,
                contact,
                type=self._random.choice(ActivityType.values),
                note=self._random.choice(NOTES),
            )
        self._journal.note(f"{times} activities with contact {contact.pk}")

    def delete(self) -> None:
        """Delete a contact, which in Pipedrive stays."""
        contact = self._any(Contact)
        if contact is not None:
            self._journal.note(f"contact {contact.pk} is deleted here")
            self._journal.left_there.add(("persons", contact.pipedrive_person_id or 0))
            book.delete_contacts(Contact.objects.filter(pk=contact.pk), self._keeper().deleted)

    def hand_over(self) -> None:
        """Hand a contact over to a colleague."""
        contact = self._any(Contact)
        if contact is not None:
            to = self._random.choice(self._users)
            book.hand_over(Contact.objects.filter(pk=contact.pk), to, self._keeper().handed_over(to))
            self._journal.note(f"contact {contact.pk} is handed over to {to.name}")

    def delete_activity(self) -> None:
        """Delete an activity; in Pipedrive it goes too, if the team wants that and it was not found there."""
        activity = self._any(Activity)
        if activity is not None:
            grace = GRACES[activity.pk % len(GRACES)]
            self._journal.note(f"activity {activity.pk} is deleted here, for {grace}")
            self._journal.deleted_here[activity.pk] = activity.subject
            if preferences.current().delete_there and not activity.pipedrive_adopted:
                self._journal.to_go.add(activity.pk)
            delete_activity(activity, self._keeper().deleted, grace=grace)

    def slip(self) -> None:
        """Make a contact warm on a page, perhaps by a slip of the hand."""
        contact = self._any(Contact)
        if contact is None or contact.is_warm:
            return
        score = self._random.choice((4, 9))
        self._keeper().changed(
            Contact, {contact.pk: {"warmness_score": contact.warmness_score}}, {"warmness_score": score}
        )
        book.change_contact(contact, {"warmness_score": score}, grace=GRACE)
        self._journal.kept_cold.discard(contact.pk)
        self._journal.note(f"contact {contact.pk} is made warm by hand")

    def undo(self) -> None:
        """Take back one of the latest deeds."""
        keeper = self._random.choice(self._kept[-3:]) if self._kept else None
        if keeper is None or keeper.group is None:
            return
        self._kept.remove(keeper)
        waits = {
            row.pk
            for row in Contact.objects.filter(last_pipedrive_sync_attempt=None, pipedrive_person_id=None)
            if row.next_pipedrive_sync_attempt > timezone.now()
        }
        with suppress(CannotUndoError):
            done = undo(keeper.user, keeper.group)
            self._journal.note(f"{done.deed} of {done.kind} {done.ids} is undone")
            if done.deed == Deed.CHANGED:
                self._journal.kept_cold |= waits & set(done.ids)
            if done.deed == Deed.DELETED:
                back = Contact.objects.filter(pk__in=done.ids if done.kind == "contact" else [])
                self._journal.left_there -= {("persons", row.pipedrive_person_id or 0) for row in back}
                self._journal.to_go -= set(done.ids if done.kind == "activity" else [])

    def _keeper(self) -> Keeper:
        self._kept.append(Keeper(self._random.choice(self._users)))
        return self._kept[-1]

    def choose(self) -> None:
        """Decide what the candidates of a row mean."""
        row = self.undecided()
        if row is not None:
            self.decide(row, self._random.choice([None, *(each["pipedrive_id"] for each in row.pipedrive_candidates)]))

    def undecided(self) -> Contact | Organization | None:
        """Return a row that waits for somebody to choose."""
        models: tuple[type[Any], ...] = (Contact, Organization)
        rows = (m.objects.exclude(pipedrive_candidates=[]).filter(**{m.LINK: None}).first() for m in models)
        return next((row for row in rows if row is not None), None)

    def decide(self, row: Contact | Organization, chosen: int | None) -> None:
        """Choose a record for a row; None for a new one."""
        retry_and_choose.choose(row, chosen)
        self._journal.chosen.add((str(row._meta.model_name), row.pk))
        self._journal.note(f"{row._meta.model_name} {row.pk} is {chosen}")

    def try_again(self) -> None:
        """Someone presses "Try again", on one row or on all."""
        row = self._any(self._random.choice((Contact, Organization, Activity)))
        if row is not None and self._random.random() < 0.5:
            retry_and_choose.retry(row)
            self._journal.note(f"{row._meta.model_name} {row.pk} is tried again")
        else:
            retry_and_choose.retry_all(None)
            self._journal.note("all is tried again")

    def change_pipedrive_user(self) -> None:
        """An admin says which Pipedrive user one of ours is."""
        user = User.objects.get(pk=self._random.choice(self._users).pk)
        user_id = self._random.choice((1, 2))
        team.change_member(user, pipedrive_user_id=user_id)
        self._journal.users[user.pk] = user_id
        self._journal.note(f"{user.name} is user {user_id} in Pipedrive")

    def _of_the_chosen(self) -> Contact | None:
        """Return a contact for which somebody chose a record, perhaps: these meet whom nobody else meets."""
        chosen = [number for kind, number in sorted(self._journal.chosen) if kind == "contact"]
        if not chosen or self._random.random() < 0.5:
            return None
        return Contact.objects.filter(pk=self._random.choice(chosen)).first()

    def _edit_contact(self, changes: dict[str, Any], contact: Contact | None = None) -> None:
        contact = contact or self._any(Contact)
        if contact is not None:
            self._journal.had_here |= {each.value for each in (*contact.emails, *contact.phones)}
            book.change_contact(contact, changes)
            if contact.is_warm:
                self._journal.kept_cold.discard(contact.pk)
            self._journal.edited["contact", contact.pk] |= {SAME.get(name, name) for name in changes}
            self._note_contact(contact)
            self._journal.note(f"contact {contact.pk} becomes {changes}")

    def _note_contact(self, contact: Contact) -> None:
        self._journal.names["contact", contact.pk].add(contact.name)
        if contact.organization is not None:  # naming it may have filled its empty fields
            organization = ("organization", contact.organization.pk)
            self._journal.edited[organization] |= {"sector", "country"}
            self._journal.names[organization].add(contact.organization.name)

    def _edit_organization(self) -> None:
        organization = self._any(Organization)
        if organization is not None:
            changes = self._random.choice(
                (
                    {"country": self._random.choice(("Peru", "Chile", ""))},
                    {"sector": self._random.choice(SECTORS)},
                    {"name": f"{self._random.choice(FIRMS)} {self._random.randrange(10**6)}"},  # nobody else's
                )
            )
            book.change_organization(organization, changes)
            self._journal.edited["organization", organization.pk] |= set(changes)
            self._journal.names["organization", organization.pk].add(organization.name)
            self._journal.note(f"organization {organization.pk} becomes {changes}")

    def _edit_activity(self) -> None:
        activity = self._any(Activity)
        if activity is not None:
            changes = {"done": not activity.done, "note": f"n{self._random.randrange(10**6)}"}
            book.change_activity(activity, changes)
            self._journal.edited["activity", activity.pk] |= set(changes)
            self._journal.note(f"activity {activity.pk} becomes {changes}")

    def _any(self, model: type[Any]) -> Any:
        rows = model.objects.order_by("pk")
        count = rows.count()
        return rows[self._random.randrange(count)] if count else None


class There:
    """Colleagues who work in Pipedrive's own pages."""

    def __init__(self, random: Random, sandbox: Sandbox, journal: Journal) -> None:
        self._random, self._sandbox, self._journal = random, sandbox, journal

    def work(self) -> None:
        """Do something by hand."""
        alive = [number for number in self._sandbox.world.persons if self._sandbox.world.alive("persons", number)]
        if alive and self._random.random() < 0.25:
            self._change_values(self._random.choice(alive))
        else:
            self._work()

    def _work(self) -> None:
        world, people, random = self._sandbox.world, self._sandbox.people, self._random
        alive: dict[str, list[int]] = {
            kind: [number for number in world.records[kind] if world.alive(kind, number)] for kind in KINDS
        }
        match random.randrange(10):
            case 0 | 1:
                self._add_person()
            case 2:
                name = random.choice(FIRMS).upper()
                made = people.add("organizations", name=name)
                self._journal.by_hand.add(("organizations", made["id"]))
                self._journal.said_there.add(name)
                self._journal.note(f"there: organization {made['id']} {name}")
            case 3 | 4 if alive["persons"]:
                self._change(random.choice(alive["persons"]))
            case 5 if alive["persons"]:
                self.delete("persons", random.choice(alive["persons"]))
            case 6 if len(alive["persons"]) > 1:
                loser, winner = random.sample(alive["persons"], 2)
                people.merge("persons", loser, winner)
                names = self._journal.names["persons", loser] | self._journal.names["persons", winner]
                for number in (loser, winner):
                    self._journal.touched.add(("persons", number))
                    self._journal.merged.add(("persons", number))
                    self._journal.names["persons", number] |= names
                self._journal.note(f"there: person {loser} is merged into {winner}")
            case 7:
                people.set_activity_type_active("meeting", active=random.random() < 0.5)
            case 8:
                people.set_user_active(2, active=random.random() < 0.5)
            case 9 if alive["organizations"]:
                self.delete("organizations", random.choice(alive["organizations"]))

    def _add_person(self) -> None:
        number = self._random.randrange(MAILBOXES)
        ours = NAMES[number % len(NAMES)]
        name = self._random.choice((ours, ours.upper(), f"Dr {ours}", FAMILY.get(ours, ours), *STRANGERS))
        emails = [{"value": f"SOMEONE{number}@example.com", "primary": True, "label": "home"}]
        made = self._sandbox.people.add("persons", name=name, emails=emails, label_ids=[11])
        self._journal.by_hand.add(("persons", made["id"]))
        self._journal.said_there.add(name)
        self._journal.names["persons", made["id"]].add(name)
        self._journal.note(f"there: person {made['id']} {name} {number}")

    def _change(self, number: int) -> None:
        name = f"By hand {self._random.randrange(9)}"
        self._journal.names["persons", number].add(str(self._sandbox.world.persons[number]["name"]))
        self._sandbox.people.change("persons", number, name=name)
        self._journal.touched.add(("persons", number))
        self._journal.said_there.add(name)
        self._journal.names["persons", number].add(name)
        self._journal.note(f"there: person {number} becomes {name}")

    def _change_values(self, number: int) -> None:
        """Add, take away or label an e-mail or a phone of a person."""
        kind = self._random.choice(("emails", "phones"))
        values = [dict(each) for each in self._sandbox.world.persons[number][kind]]
        at = self._random.randrange(len(values)) if values else 0
        journal, name = self._journal, ("persons", number)
        match self._random.randrange(4):
            case 0 | 1:
                some = self._random.randrange(1000, 9999)
                value = f"theirs{some}@example.net" if kind == "emails" else f"+44 20 7946 {some}"
                values.append({"value": value, "label": self._random.choice((*LABELS, "Assistant")), "primary": False})
            case 2 if values:
                gone = values.pop(at)["value"]
                journal.gone_there[name].add(gone)
                journal.said_there.add(f"no {gone}")
            case 3 if values:
                values[at]["label"] = self._random.choice((*LABELS, "Assistant"))
                journal.labelled_there[name].add(values[at]["value"])
        self._sandbox.people.change("persons", number, **{kind: values})
        for each in self._sandbox.world.persons[number][kind]:
            journal.said_there |= {each["value"], f"{each['value']} ({each['label']})"}
        journal.added_there[name] |= {
            each["value"] for each in values if each["value"].startswith(("theirs", "+44"))
        }  # which nobody here has by chance
        journal.note(f"there: person {number} has {kind} {[(each['value'], each['label']) for each in values]}")

    def delete(self, kind: Any, number: int) -> None:
        """Delete a record."""
        self._sandbox.people.delete(kind, number)
        self._journal.touched.add((kind, number))
        self._journal.note(f"there: {kind} {number} is deleted")
