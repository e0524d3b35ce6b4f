"""Sends an update of a record, as an intent, so that what became of it is found out if its answer is lost.

How an organization or a due moment is emptied is documented nowhere. Where null is refused, the rest of the update
goes over all the same, and a person is told what did not.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from warmline.crm.activities import Row
from warmline.pipedrive import NotFound, Rejected
from warmline.sync.failures import CannotEmptyError
from warmline.sync.intents import Intents, Sent
from warmline.sync.lease_keys import update_key
from warmline.sync.reconcile.match_decision import Record
from warmline.sync.reconcile.three_way_merge import Values
from warmline.sync.synced_fields import FIELDS

EMPTIED = {field.name: field for fields in FIELDS.values() for field in fields if field.nulled}


def send_update(
    intents: Intents,
    row: Row,
    update: Callable[[Mapping[str, Any]], Record],
    *,
    ours: Values,
    then_there: Values,
    fields: Mapping[str, Any],
) -> Record:
    """Send what was changed here.

    Args:
        intents: Remember it in the words of both sides until its outcome is known.
        row: The row.
        update: Sends some of the fields, with one call.
        ours: What was changed, by our field.
        then_there: Pipedrive's side, as it will be when the update is done.
        fields: What is sent, by Pipedrive's field.

    Raises:
        CannotEmptyError: When a field was to be emptied, and Pipedrive refused just that.
    """
    what = update_key(row)

    def send(names: Values, some: Mapping[str, Any]) -> Record:
        said = {name: then_there[name] for name in names}
        return intents.make(what, partial(update, some), Sent(what, body=said, ours=names))

    try:
        return send(ours, fields)
    except NotFound:
        raise
    except Rejected as error:
        emptied = [f for f in EMPTIED.values() if f.name in ours and any(fields.get(n, n) is None for n in f.nulled)]
        if not emptied:
            raise
        refused = error
    left_out = frozenset().union(*(field.nulled for field in emptied))
    rest = {name: value for name, value in fields.items() if name not in left_out}
    if rest:  # where this is refused as well, it was not for what is emptied
        names = {field.name for field in emptied}
        send({name: value for name, value in ours.items() if name not in names}, rest)
    raise CannotEmptyError(emptied[0].name, emptied[0].label, refused.message) from None
