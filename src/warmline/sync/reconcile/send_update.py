"""Sends an update with an intent, so that its outcome can be found out if the response is lost.

Pipedrive does not document how an organization or a due date is emptied. If it refuses null, the rest of the update is
sent all the same, and people are told what was not.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from warmline.crm.activities import Row
from warmline.pipedrive import NotFound, Rejected, Unavailable
from warmline.sync.intents import Intents, Sent
from warmline.sync.lease_keys import update_key
from warmline.sync.reconcile.match_decision import Record
from warmline.sync.reconcile.three_way_merge import Values
from warmline.sync.retries import CannotEmptyError
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
    """Send what was changed here, and return the record after the update.

    Args:
        intents: Stores the update until its outcome is known.
        row: The row.
        update: Sends some fields, with one call, and returns the record.
        ours: The changed values, by our field.
        then_there: Pipedrive's side as it will be when the update is done, by our field.
        fields: What is sent, by Pipedrive's field.

    Raises:
        CannotEmptyError: When Pipedrive refused to empty a field; the other changes were sent.
        Unavailable: When Pipedrive says that there is no such record, although it was read.
    """
    what = update_key(row)

    def send(names: Values, some: Mapping[str, Any]) -> Record:
        said = {name: then_there[name] for name in names}
        return intents.make(what, partial(update, some), Sent(what, body=said, ours=names))

    try:
        return send(ours, fields)
    except NotFound as error:  # it was read just now; the next attempt reads it again
        raise Unavailable(error.message, call=error.call, status=error.status) from error
    except Rejected as error:
        emptied = [f for f in EMPTIED.values() if f.name in ours and any(fields.get(n, n) is None for n in f.nulled)]
        if not emptied:
            raise
        refused = error
    left_out = frozenset().union(*(field.nulled for field in emptied))
    rest = {name: value for name, value in fields.items() if name not in left_out}
    if rest:  # if this is refused as well, the emptied field was not the reason
        names = {field.name for field in emptied}
        send({name: value for name, value in ours.items() if name not in names}, rest)
    raise CannotEmptyError(emptied[0].name, emptied[0].label, refused.message) from None
