"""Decides what is wrong with a row and its record. Pure: no database, no calls, no clock.

Values are compared with what both sides held when they were last in line, by the merge that decides what is sent. So
what an adopted record had from the beginning is no problem, and neither is a name that we left alone. Of several
e-mails and phones, each is judged by itself, and what only Pipedrive has is a colleague's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from warmline.crm.activities import Activity
from warmline.crm.keys import email_key, key
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.pipedrive import Person
from warmline.sync import normal_forms
from warmline.sync.audit_models import AuditedLink, Problem
from warmline.sync.reconcile import emails_phones_merge, snapshots
from warmline.sync.reconcile.three_way_merge import SEVERAL, Merge, Values, merge
from warmline.sync.synced_fields import NONE_CHOSEN, Chosen, first_of

Party = Person | PipedriveOrganization


@dataclass(frozen=True)
class Verdict:
    """One thing that is wrong with a row.

    Attributes:
        problem: What.
        values: By field that differs, our value and Pipedrive's.
        others: The other records with the same Warmline ID or e-mail.
        mends_itself: Whether it can be repaired without a person's decision.
    """

    problem: Problem
    values: Mapping[str, list[Any]] = field(default_factory=dict)
    others: tuple[int, ...] = ()
    mends_itself: bool = False


@dataclass(frozen=True)
class Difference:
    """A field that differs.

    Attributes:
        name: The field.
        ours, theirs: Its values; of a field with several values those that differ, each with its label, which is None
            where it is missing.
        is_unsent: Whether nobody changed it there: our value was never sent.
    """

    name: str
    ours: Any
    theirs: Any
    is_unsent: bool


def of_contact(
    contact: Contact,
    person: Person,
    link: AuditedLink,
    *,
    others: snapshots.Others,
    owner_id: int | None,
    chosen: Chosen = NONE_CHOSEN,
) -> list[Verdict]:
    """Return what is wrong with a contact's person, but for doubles.

    Args:
        contact: The contact, with its organization.
        person: Its person.
        link: What is known of the link.
        others: E-mails and phones of the other contacts linked to this person.
        owner_id: The Pipedrive user whom the contact's owner is; None if that is not known.
        chosen: The details that go over.
    """
    ours, words = snapshots.of_contact(contact, chosen), snapshots.words_of_contact(contact, chosen)
    theirs = snapshots.of_person(person, contact, others=others, chosen=chosen)
    found = differences(contact.pipedrive_agreed, ours, theirs, words, link)
    verdicts = _of_values(Problem.DIFFERENT, [each for each in found if each.name != "organization"])
    if link.is_ours:  # an adopted person keeps its organization
        verdicts += _of_values(Problem.ORGANIZATION, [each for each in found if each.name == "organization"])
    if not was_handed_over(contact, link):
        verdicts += _of_owner(person, link, owner_id)
    has_label = link.label_id is None or link.label_id in person.label_ids
    if not has_label and contact.is_warm and not _is_accepted(link, Problem.LABEL, link.label_id):
        verdicts.append(Verdict(Problem.LABEL, {"label": [link.label_id, None]}))
    return verdicts


def was_handed_over(contact: Contact, link: AuditedLink) -> bool:
    """Tell whether a contact has another owner here than when it was linked, so that its person may have as well."""
    return link.owner_here is not None and link.owner_here != contact.owner_id


def of_organization(
    organization: Organization, theirs: PipedriveOrganization, link: AuditedLink, *, sector: str
) -> list[Verdict]:
    """Return what is wrong with an organization's record, but for doubles.

    Args:
        organization: Ours.
        theirs: Pipedrive's.
        link: What is known of the link.
        sector: What Pipedrive has as its sector.
    """
    values = snapshots.of_their_organization(theirs, sector)
    ours = snapshots.of_our_organization(organization)
    found = differences(organization.pipedrive_agreed, ours, values, ours, link)
    return [*_of_values(Problem.DIFFERENT, found), *_of_owner(theirs, link, None)]


def of_activity(
    activity: Activity, theirs: PipedriveActivity, link: AuditedLink, types: Mapping[str, str]
) -> list[Verdict]:
    """Return what is wrong with an activity's record.

    Args:
        activity: Ours.
        theirs: Pipedrive's.
        link: What is known of the link.
        types: Pipedrive's activity type for each of ours.
    """
    # A team that chose other types has not changed its earlier activities.
    wished = activity.pipedrive_agreed.get("ours", {}).get("type", types[activity.type])
    ours, words = snapshots.of_our_activity(activity, wished), snapshots.words_of_activity(activity, wished)
    values = snapshots.of_their_activity(theirs)
    return _of_values(Problem.ACTIVITY, differences(activity.pipedrive_agreed, ours, values, words, link))


def of_nothing(row: Contact | Organization | Activity, link: AuditedLink, *, can_be_followed: bool) -> list[Verdict]:
    """Return what is wrong with a row whose record is gone.

    Args:
        row: The row.
        link: What is known of the link.
        can_be_followed: Whether it seems to have been merged into another record.
    """
    problem = Problem.ACTIVITY if isinstance(row, Activity) else Problem.GONE
    if _is_accepted(link, Problem.GONE, link.record_id):
        return []
    return [Verdict(problem, mends_itself=can_be_followed)]


def of_doubles(link: AuditedLink, by_mark: Iterable[int], by_name: Iterable[int]) -> list[Verdict]:
    """Return whether there is a second record of a row.

    Args:
        link: What is known of the link.
        by_mark: Other records with the row's Warmline ID.
        by_name: Other persons with the contact's e-mail, or organizations with the row's name, that nobody told apart.
    """
    marked, named = sorted(by_mark), sorted(by_name)
    name = "name" if link.kind == "organization" else "email"
    others = tuple(sorted({*marked, *named}))
    if not others or _is_accepted(link, Problem.DOUBLE, list(others)):
        return []
    same = {"warmline_id": [link.record_id, marked], name: [link.record_id, named]}
    return [Verdict(Problem.DOUBLE, {name: ids for name, ids in same.items() if ids[1]}, others)]


def differences(
    agreed: Mapping[str, Values], ours: Values, theirs: Values, words: Values, link: AuditedLink
) -> list[Difference]:
    """Return the fields that differ, unless they did when both sides were last in line, or somebody accepted it.

    What somebody accepted is found once it is neither as ours nor as it was then.

    Args:
        agreed: What both sides were then (see three_way_merge.py).
        ours: Our values, by field.
        theirs: Pipedrive's values of the same fields.
        words: Our values as Pipedrive stores them.
        link: What is known of the link.
    """
    # If an earlier version did not store what was agreed on, what we created was as it is here.
    agreed = agreed or ({"theirs": words} if link.is_ours else {})
    ours_then, theirs_then = agreed.get("ours", {}), agreed.get("theirs", {})
    decided = merge(ours, theirs, agreed, words) if ours_then else Merge()
    found: dict[str, Difference] = {}
    for name, value in ours.items():
        there, is_unsent = theirs.get(name), name in decided.send
        if first_of(name) or words[name] == there or alike(name, there, words[name]):
            continue
        is_news = _was_changed_there(name, value, there, theirs_then) or name in link.accepted.keys() - SEVERAL.keys()
        if is_unsent or name in decided.keep or is_news:
            found[name] = Difference(name, value, there, is_unsent)
    for name in filter(first_of, ours):
        found |= _of_several(name, found, (ours, theirs), (ours_then, theirs_then), decided)
    return [each for each in (_unaccepted(each, link) for each in found.values()) if each is not None]


def is_named(person: Person, contact: Contact) -> bool:
    """Tell whether a person has one of a contact's e-mails."""
    return not {*contact.email_keys}.isdisjoint(email_key(each.value) for each in person.emails)


def has_name(theirs: PipedriveOrganization, organization: Organization) -> bool:
    """Tell whether one of Pipedrive's organizations has the name of one of ours."""
    return key(theirs.name) == organization.name_key


def bears(record: Party, row: Contact | Organization) -> bool:
    """Tell whether a record has a row's Warmline ID."""
    return str(row.warmline_id) in record.custom_fields.values()


def is_told_apart(link: AuditedLink, record_id: int, holders: Collection[AuditedLink]) -> bool:
    """Tell whether somebody has said that another record with a contact's e-mail is somebody else.

    Args:
        link: What is known of the contact's link.
        record_id: The other record.
        holders: What is known of the links of other contacts to it.
    """
    if link.apart is None or record_id in link.apart:
        return True
    return any(each.apart is None or link.record_id in each.apart for each in holders)


def alike(name: str, one: Any, other: Any) -> bool:
    """Tell whether two of Pipedrive's values of a field are the same, whatever a server does to them."""
    return bool(normal_forms.theirs(name, one) == normal_forms.theirs(name, other))


def _was_changed_there(name: str, ours: Any, theirs: Any, then: Values) -> bool:
    """Tell whether somebody changed a value in Pipedrive; a primary one is judged among all, if these are known."""
    if name not in then or SEVERAL.get(name) in then or alike(name, theirs, then[name]):
        return False
    return name not in SEVERAL or bool(ours and alike(name, ours, then[name]))


def _of_several(
    name: str, found: Mapping[str, Difference], now: Sequence[Values], then: Sequence[Values], decided: Merge
) -> dict[str, Difference]:
    """Return what differs among several values, beside the primary one if that was found to differ.

    Args:
        name: The field.
        found: What was found of the fields with one value.
        now: Our values and Pipedrive's, by field.
        then: The same when both sides were last in line.
        decided: What the merge decided.
    """
    first, (ours, theirs), (ours_then, theirs_then) = first_of(name), now, then
    labels, unsent = emails_phones_merge.differences(
        name, ours=ours, theirs=theirs, ours_then=ours_then, theirs_then=theirs_then, sends_first=first in decided.send
    )
    if first in found:
        for each in (ours[first], ours_then.get(first)):
            labels.pop(str(normal_forms.theirs(first, each)), None)
    if labels:
        here = emails_phones_merge.entries(name, ours[name])
        known = emails_phones_merge.entries(name, [*ours[name], *ours_then.get(name, ())])
        both = [[[known[form][0], label] for form, label in side.items()] for side in (_labels(here, labels), labels)]
        return {name: Difference(name, both[0], both[1], labels.keys() <= unsent)}
    if name in decided.send and first not in found and emails_phones_merge.is_moved(name, ours, ours_then):
        return {first: Difference(first, ours[first], theirs_then.get(first), is_unsent=True)}
    return {}


def _labels(here: emails_phones_merge.Entries, forms: Iterable[str]) -> dict[str, str | None]:
    return {form: here[form][1] if form in here else None for form in forms}


def _unaccepted(found: Difference, link: AuditedLink) -> Difference | None:
    """Return a difference without what somebody accepted; None if nothing is left."""
    if found.name not in link.accepted:
        return found
    accepted = link.accepted[found.name]
    if not first_of(found.name):
        return None if alike(found.name, found.theirs, accepted) else found
    known = emails_phones_merge.entries(found.name, accepted)
    both = [
        (ours, theirs)
        for ours, theirs in zip(found.ours, found.theirs, strict=True)
        for form in emails_phones_merge.entries(found.name, [theirs])
        if form not in known or not emails_phones_merge.alike(theirs[1], known[form][1])
    ]
    return replace(found, ours=[each for each, _ in both], theirs=[each for _, each in both]) if both else None


def _of_values(problem: Problem, found: Sequence[Difference]) -> list[Verdict]:
    if not found:
        return []
    values = {each.name: [each.ours, each.theirs] for each in found}
    return [Verdict(problem, values, mends_itself=all(each.is_unsent for each in found))]


def _of_owner(record: Party, link: AuditedLink, owner_id: int | None) -> list[Verdict]:
    is_known = link.is_ours and link.owner_id is not None and record.owner_id is not None
    if not is_known or record.owner_id in {link.owner_id, owner_id, link.accepted.get(Problem.OWNER)}:
        return []
    return [Verdict(Problem.OWNER, {"owner": [link.owner_id, record.owner_id]})]


def _is_accepted(link: AuditedLink, problem: Problem, value: Any) -> bool:
    return problem in link.accepted and bool(link.accepted[problem] == value)
