"""Which rows may have a second record: with their Warmline ID, a person with their e-mail, a company with their name.

Two of our contacts with one e-mail are two persons if they were created as such. They are suspected only if both were
created with that e-mail, and their names agree.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from warmline.crm.keys import email_key, key
from warmline.crm.models import Contact, Organization
from warmline.crm.name_agreement import agree
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.pipedrive import Person
from warmline.sync.audit.judging import is_told_apart
from warmline.sync.audit.rows import known_links, linked, linked_to
from warmline.sync.audit_models import AuditedLink
from warmline.sync.lease_keys import is_mark
from warmline.sync.priorities import RowKind

Others = defaultdict[int, set[int]]  # by row, the records that may be a second one of it


def with_a_mark(kind: RowKind, records: Iterable[Person | PipedriveOrganization]) -> Others:
    """Return the linked rows whose Warmline ID is on another record than theirs, with those records.

    Args:
        kind: "contact" or "organization".
        records: As Pipedrive lists them.
    """
    by_mark = defaultdict(set)
    for record in records:
        for value in record.custom_fields.values():
            if isinstance(value, str) and is_mark(value):
                by_mark[value].add(record.id)
    model: type[Contact | Organization] = Contact if kind == "contact" else Organization
    found: Others = defaultdict(set)
    rows = linked(kind).filter(warmline_id__in=list(by_mark)).values_list("pk", "warmline_id", model.LINK)
    for pk, mark, link in rows:
        if others := by_mark[str(mark)] - {link}:
            found[pk] |= others
    return found


def with_an_email(persons: Iterable[Person]) -> Others:
    """Return the linked contacts whose e-mail another person than theirs has, with those persons.

    Args:
        persons: As Pipedrive lists them.
    """
    by_email = defaultdict(set)
    for person in persons:
        for each in person.emails:
            if name := email_key(each.value):
                by_email[name].add(person.id)
    contacts = linked("contact").filter(pk__in=Contact.objects.with_email(by_email).values("pk"))
    having = [(each, set[int]().union(*(by_email.get(key, ()) for key in each.email_keys))) for each in contacts]
    pairs = [(contact, rest) for contact, ids in having if (rest := ids - {contact.pipedrive_person_id})]
    holders = linked_to("contact", {record_id for _, ids in pairs for record_id in ids})
    links = known_links("contact", {*(each.pk for each, _ in pairs), *_ids(holders.values())})
    found: Others = defaultdict(set)
    for contact, ids in pairs:
        for record_id in ids:
            if may_be_double(contact, links.get(contact.pk), record_id, holders.get(record_id, ()), links):
                found[contact.pk].add(record_id)
    return found


def with_a_name(organizations: Iterable[PipedriveOrganization]) -> Others:
    """Return the linked organizations whose record's name another organization has that no row is linked to.

    Args:
        organizations: As Pipedrive lists them.
    """
    by_name = defaultdict(set)
    for theirs in organizations:
        by_name[key(theirs.name)].add(theirs.id)
    ours = list(linked("organization").filter(name_key__in=[*filter(None, by_name)]))
    pairs = [(row, rest) for row in ours if (rest := by_name[row.name_key] - {row.pipedrive_org_id})]
    holders = linked_to("organization", {record_id for _, ids in pairs for record_id in ids})
    links = known_links("organization", {row.pk for row, _ in pairs})
    found: Others = defaultdict(set)
    for row, ids in pairs:
        for record_id in ids:
            if not holders.get(record_id) and may_be_second(links.get(row.pk), record_id):
                found[row.pk].add(record_id)
    return found


def may_be_second(link: AuditedLink | None, record_id: int) -> bool:
    """Tell whether another organization with the same name may be a second one of ours, if no row is linked to it.

    Args:
        link: What is known of ours; None if no audit has seen it yet.
        record_id: The other one.
    """
    return link is None or (link.is_ours and not is_told_apart(link, record_id, ()))


def may_be_double(
    contact: Contact, link: AuditedLink | None, record_id: int, holders: Sequence[Any], links: dict[int, AuditedLink]
) -> bool:
    """Tell whether another person with a contact's e-mail may be a second one of it.

    Args:
        contact: The contact.
        link: What is known of its link; None if no audit has seen it yet.
        record_id: The other person.
        holders: The contacts that are linked to the other person.
        links: What is known of their links, by the row's id.
    """
    if link is None:
        return True
    theirs = [links[each.pk] for each in holders if each.pk in links]
    if not link.is_ours or is_told_apart(link, record_id, theirs):
        return False
    if not holders:
        return True
    # Of two that are linked, the newer one is the double.
    is_newer = (contact.pipedrive_person_id or 0) > record_id
    return is_newer and any(
        each.pk in links
        and links[each.pk].is_ours
        and links[each.pk].email_key == link.email_key == contact.email_key == each.email_key
        and agree(contact.name, each.name, [contact.email])
        for each in holders
    )


def _ids(groups: Iterable[Sequence[Any]]) -> set[int]:
    return {row.pk for rows in groups for row in rows}
