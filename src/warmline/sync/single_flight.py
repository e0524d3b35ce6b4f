"""One asks, and whoever needs the same answer waits for it: among the threads of a process, and among processes.

Who asks holds a lease. Who waits looks at what is stored, holds no transaction, and spends no attempt: when it takes
too long, or the connection is lost meanwhile, the row is looked at again soon. After a question that failed, nobody
asks it anew for a second.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from warmline.pipedrive import Clock
from warmline.sync.leases import PATIENCE, BusyError, Leases
from warmline.sync.models import Connection

Answer = TypeVar("Answer")

ASKING = timedelta(seconds=30)  # after which whoever asks is believed to have died
BREATH = timedelta(seconds=1)  # after a failure


def one_asks(
    *names: str,
    clock: Clock,
    known: Callable[[], Answer | None],
    ask: Callable[[], Answer],
    store: Callable[[Answer], object],
) -> Answer:
    """Return an answer that is known, or ask for it, unless somebody is asking already.

    Args:
        names: What is asked for, in the same words by everybody who asks.
        clock: Ours.
        known: Reads what is stored of it; None when that does not serve.
        ask: Asks.
        store: Stores the answer; not called for who took so long that another one asked meanwhile.

    Raises:
        BusyError: When another one asks, and no answer comes of it in time.
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
        answer = known()  # who held the lease a moment ago may have just stored it
        if answer is None:
            answer = ask()
            leases.while_held(lambda: store(answer))
    except BaseException:
        leases.leave(*keys, until=clock.now() + BREATH)
        raise
    leases.release(*keys)
    return answer


def ask_key(name: str) -> str:
    """Return the key of the lease that whoever asks for something holds, and whoever changes it."""
    return f"ask:{name}"
