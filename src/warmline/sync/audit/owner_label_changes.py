"""Notices at once what people change in Pipedrive and Warmline does not take over: a record's owner, or our label.

It judges as the audit does, and stores the same findings, so people see them within seconds and decide as usual. What
a person gave back, or Pipedrive has again as it was, is found no more.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from warmline.crm.activities import Activity, Row
from warmline.sync.audit import rows
from warmline.sync.audit.judging import Verdict
from warmline.sync.audit.reading import Comparison
from warmline.sync.audit_models import AuditedLink, Finding, Problem
from warmline.sync.company import storing
from warmline.sync.policy import Policy
from warmline.sync.reconcile.audit_baseline import kind_of

NOTICED = (Problem.OWNER, Problem.LABEL)
Found = Mapping[str, Verdict]  # by problem


class Noticing:
    """Compares owners and labels.

    Args:
        policy: Names the label.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def news(self, pairs: Sequence[tuple[Row, Any]]) -> Collection[int]:
        """Return the ids of the rows about whose records something else is to be found than is known.

        Args:
            pairs: Rows of one kind with their records, or with what a report says of these.
        """
        if not pairs or isinstance(pairs[0][0], Activity):
            return ()
        kind, ids = kind_of(pairs[0][0]), [row.pk for row, _ in pairs]
        links = rows.known_links(kind, ids)  # type: ignore[arg-type]  # one of the three
        known: dict[int, dict[str, Any]] = {}
        for each in Finding.objects.filter(kind=kind, row_id__in=ids, problem__in=NOTICED):
            known.setdefault(each.row_id, {})[each.problem] = each.values
        comparison, found = Comparison(self._policy), set()
        for row, record in pairs:
            if row.pk in links:
                there = _found(comparison, row, record, links[row.pk])
                if {problem: dict(each.values) for problem, each in there.items()} != known.get(row.pk, {}):
                    found.add(row.pk)
        return found

    def notice(self, row: Row, record: Any, now: datetime) -> None:
        """Store what is to be found of a row, now that its record has been read under its lease.

        Args:
            row: The row, as read.
            record: Its record; None for nothing to say.
            now: The present moment, aware.
        """
        if record is None or not self.news([(row, record)]):
            return
        kind = kind_of(row)
        found = _found(Comparison(self._policy), row, record, rows.known_links(kind, [row.pk])[row.pk])  # type: ignore[arg-type]  # as above
        with storing():
            here = Finding.objects.filter(kind=kind, row_id=row.pk)
            here.filter(problem__in=NOTICED).exclude(problem__in=list(found)).delete()
            for problem, verdict in found.items():
                values = {"record_id": record.id, "fields": sorted(verdict.values), "values": dict(verdict.values)}
                first = {**values, "found_at": now}
                here.update_or_create(kind=kind, row_id=row.pk, problem=problem, defaults=values, create_defaults=first)


def _found(comparison: Comparison, row: Any, record: Any, link: AuditedLink) -> Found:
    if link.record_id != record.id:
        return {}
    verdicts = comparison.verdicts(row, record, link, [row])
    return {each.problem.value: each for each in verdicts if each.problem in NOTICED}
