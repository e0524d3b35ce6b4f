"""Single flight: one worker asks Pipedrive, and everybody who needs the same answer waits for it, in all processes.

The worker that asks holds a lease. The others read what is stored, hold no transaction, and use up no attempt: if it
takes too long, or the connection is lost meanwhile, the row is tried again soon. After a failure, nobody asks again for
a second.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from warmline.pipedrive import Clock
from warmline.sync.leases import PATIENCE, BusyError, Leases
from warmline.sync.models import Connection

Answer = TypeVar("Answer")

ASKING = timedelta(seconds=30)  # after which the worker that asks is assumed to have died
BREATH = timedelta(seconds=1)  # after a failure


def one_asks(
    *names: str,
    clock: Clock,
    known: Callable[[], Answer | None],
    ask: Callable[[], Answer],
    store: Callable[[Answer], object],
) -> Answer:
    """Return a stored answer, or ask for it, unless somebody is asking already.

    Args:
        names: What is asked for; everybody who asks for the same uses the same names.
        clock: This machine's.
        known: Returns the stored answer; None if there is none that is good enough.
        ask: Asks Pipedrive.
        store: Stores the answer. Not called if asking took so long that another worker has asked meanwhile.

    Raises:
        BusyError: When another worker is asking, and its answer does not come in time.
    """
    leases, keys = Leases(clock), [ask_key(name) for name in names]
    give_up_at, has_waited = clock.monotonic() + PATIENCE.total_seconds(), False
    while True:
        if (answer := known()) is not None:
            return answer
        if has_waited and (clock.monotonic() >= give_up_at or not Connection.is_well()):
            raise BusyError(f"Another worker is asking for {', '.join(names)}.")
        if leases.take(*keys, lifetime=ASKING):
            break
        leases.wait_for(*keys, until=give_up_at)
        has_waited = True
    try:
        answer = known()  # whoever held the lease until now may just have stored it
        if answer is None:
            answer = ask()
            leases.while_held(lambda: store(answer))
    except BaseException:
        leases.leave(*keys, until=clock.now() + BREATH)
        raise
    leases.release(*keys)
    return answer


def ask_key(name: str) -> str:
    """Return the key of the lease that is held while something is asked for, or while its answer is changed."""
    return f"ask:{name}"
