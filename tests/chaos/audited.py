"""The audit in a simulated run: it goes on whatever dies, and finds nothing but what people did in Pipedrive."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from chaos.breach import Breach
from chaos.server import SEARCHES, WINDOWS

from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.pipedrive import Limiter, Pipedrive
from warmline.sync import normal_forms
from warmline.sync.audit.auditor import Auditor
from warmline.sync.audit_models import Audit, Finding, Problem
from warmline.sync.company import Membership
from warmline.sync.leases import BusyError
from warmline.sync.status import audit_choices
from warmline.sync.synced_fields import first_of

if TYPE_CHECKING:
    from chaos.simulation import Simulation

RECORDS = {"contact": "persons", "organization": "organizations", "activity": "activities"}
LONGEST = 400  # times that an audit may wait for some seconds: a dead worker's lease, and a list that failed


def go_on(run: "Simulation", token: str) -> None:
    """Go on with the open audit, as far as it goes now."""
    limiter = Limiter(WINDOWS, search=SEARCHES, ledger=run.ledgers[token], clock=run.clock)
    with Pipedrive("http://sandbox", token, transport=run.line, limiter=limiter, clock=run.clock) as pipedrive:
        auditor = Auditor(pipedrive, run.policy, run.clock, Membership(token))
        with suppress(BusyError):
            auditor.run()


def false_findings(run: "Simulation", token: str) -> Iterator[Breach]:
    """Make an audit of what has come to rest: whatever it finds, people did; what they accept is found no more."""
    # One that was begun during the run may have read what was so at that time, so there is another after it.
    was_begun, accepted = Audit.objects.filter(is_open=True).exists(), 0
    for is_accepted in (*([False] if was_begun else ()), False, True):
        if is_accepted and not accepted:
            return
        if not _audit(run, token):
            yield Breach("audit", f"it never came to its end: {Audit.objects.order_by('-pk').values().first()}")
            return
        yield from () if is_accepted else run.reports.trust.unnamed()
        for finding in Finding.objects.order_by("pk"):
            if is_accepted or not _is_peoples(run, finding):
                what = f"{finding.problem} of {finding.kind} {finding.row_id}, record {finding.record_id}"
                yield Breach("audit", f"found {what}: {finding.values} {finding.others}, accepted: {is_accepted}")
            audit_choices.accept(finding)
            accepted += 1


def _audit(run: "Simulation", token: str) -> bool:
    audit_choices.begin(run.clock.now())
    for _ in range(LONGEST):
        go_on(run, token)
        if not Audit.objects.filter(is_open=True).exists():
            return True
        run.clock.sleep(10)
    return False


def _is_peoples(run: "Simulation", finding: Finding) -> bool:
    """Tell whether people have caused it, there or here."""
    journal, kind = run.journal, RECORDS[finding.kind]
    named = {(kind, record_id) for record_id in (finding.record_id or 0, *finding.others)}
    if named & (journal.touched | journal.by_hand | journal.merged | journal.left_there):
        return True
    if finding.kind == "contact" and finding.problem == Problem.DIFFERENT:
        return all(_is_of_people(run, finding, name) for name in finding.values)
    if finding.kind == "activity" and finding.problem == Problem.ACTIVITY:
        activity = Activity.objects.select_related("contact").get(pk=finding.row_id)
        return ("persons", activity.contact.pipedrive_person_id or 0) in journal.touched
    if finding.problem == Problem.DOUBLE:  # two contacts were given one e-mail here
        holders = Contact.objects.filter(pipedrive_person_id__in=[finding.record_id, *finding.others])
        return any("email" in journal.edited["contact", each.pk] for each in holders)
    return False


def _is_of_people(run: "Simulation", finding: Finding, name: str) -> bool:
    """Tell whether people took away or labelled there whatever differs in a field of e-mails or phones."""
    person, journal, one = ("persons", finding.record_id or 0), run.journal, first_of(name)
    theirs = finding.values[name][1] if one else []
    gone, labelled = (
        {normal_forms.theirs(one, each) for each in some[person]}
        for some in (journal.gone_there, journal.labelled_there)
    )
    return bool(theirs) and all(
        normal_forms.theirs(one, value) in (gone if label is None else labelled) for value, label in theirs
    )
