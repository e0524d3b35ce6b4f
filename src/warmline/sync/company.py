"""The company to which the links belong, and whether an engine may work for it.

Pipedrive's ids mean nothing in another company. So an engine asks whose token it has before it works. If the token
belongs to another company, it waits until a person goes back to the old company, or starts over (see
remote/company_switch.py). Starting over begins a new generation: work from an earlier one sends and stores nothing
more, in any process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

from django.db import transaction

from warmline.crm import preferences
from warmline.pipedrive import User
from warmline.prepared_queries import PreparedQuery
from warmline.sync import credentials, leases
from warmline.sync.leases import BusyError
from warmline.sync.models import Company

_GENERATION = PreparedQuery(lambda: Company.objects.filter(pk=1).values_list("generation"))
_LOCKED = PreparedQuery(lambda: Company.objects.select_for_update().filter(pk=1).values_list("generation"))
_BEGUN_IN: ContextVar[int | None] = ContextVar("generation", default=None)  # of the work under way in this thread


class StartedAnewError(BusyError):
    """A person started over with another company since the work began, so its ids mean nothing any more."""


class Membership:
    """Whether an engine's token belongs to the company of the links. Shared by its threads.

    Args:
        token: The engine's; empty if nobody can change it meanwhile.

    Attributes:
        token: As given.
        is_new: Whether Pipedrive has not been asked yet whose token it is.
    """

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.is_new = True
        self._asking = Lock()
        self._confirmed_in: int | None = None
        self._refused_in: int | None = None

    def is_confirmed(self) -> bool:
        """Tell whether the engine may work."""
        return self._confirmed_in is not None and self._confirmed_in == generation()

    def is_refused(self) -> bool:
        """Tell whether the token belongs to another company, and nobody has started over since."""
        return self._refused_in is not None and self._refused_in == generation()

    def was_never_confirmed(self) -> bool:
        """Tell whether the engine has not worked yet."""
        return self._confirmed_in is None

    @contextmanager
    def asking(self) -> Iterator[bool]:
        """Let one thread at a time ask whose token it is; yield whether this one may. The others do not wait."""
        is_ours = self._asking.acquire(blocking=False)
        try:
            yield is_ours
        finally:
            if is_ours:
                self._asking.release()

    def confirm(self, in_generation: int) -> None:
        """Let the engine work."""
        self._confirmed_in, self._refused_in = in_generation, None

    def refuse(self, in_generation: int) -> None:
        """Keep the engine from working."""
        self._confirmed_in, self._refused_in = None, in_generation

    def is_in_use(self) -> bool:
        """Tell whether the token is still the one in use; nobody is told about trouble with an old one."""
        if self.token:
            preferences.refresh()
        return not self.token or self.token == credentials.token()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Do a piece of work in the block, for this company only.

        Raises:
            StartedAnewError: When the token is not known to belong to the company of the links at present.
        """
        if not self.is_confirmed():
            raise StartedAnewError
        begun = _BEGUN_IN.set(self._confirmed_in)
        try:
            yield
        finally:
            _BEGUN_IN.reset(begun)


def generation() -> int | None:
    """Return the present generation; None before any company is known."""
    return next((number for (number,) in _GENERATION.rows()), None)


@contextmanager
def storing() -> Iterator[None]:
    """Store, in one transaction, what a piece of work has learned from Pipedrive, or is about to send.

    Raises:
        StartedAnewError: When the work was begun in an earlier generation; nothing is stored then.
        BusyError: When one of its leases was lost; nothing is stored then, because whoever took it does so.
    """
    with transaction.atomic():
        begun_in = _BEGUN_IN.get()
        # Locked until the end, so that starting over finds what is stored here, and drops it.
        if begun_in is not None and _LOCKED.rows() != [(begun_in,)]:
            raise StartedAnewError
        leases.make_sure()
        yield


def make_sure() -> None:
    """Return if the work was begun in the present generation. Call it before a write for which no intent is stored.

    Raises:
        StartedAnewError: When it was begun in an earlier one.
    """
    begun_in = _BEGUN_IN.get()
    if begun_in is not None and begun_in != generation():
        raise StartedAnewError


def remembered() -> Company | None:
    """Return the company to which the links belong; None before any company is known."""
    return Company.objects.filter(pk=1).first()


def is_another(company: Company, me: User) -> bool:
    """Tell whether a user belongs to another company. Names are not compared, because they change.

    Args:
        company: The one to which the links belong. An earlier version stored its domain, but not its id.
        me: The token's user.
    """
    if company.company_id is not None and me.company_id is not None:
        return company.company_id != me.company_id
    domains = {company.domain.casefold(), me.company_domain.casefold()}
    return "" not in domains and len(domains) > 1


def named(name: str, domain: str) -> str:
    """Return a company's name for people."""
    return f"{name} ({domain})" if name and domain else name or domain or "a company without a name"


def way_back(ours: Company) -> str:
    """Return, in words, how to go back from another company's token to the company of the links."""
    token = f"a token of {named(ours.name, ours.domain)}"
    if not credentials.is_from_environment():
        return f"Enter {token} on the Settings page; everything then continues as before."
    stored = preferences.stored().pipedrive_account.get("company_domain", "")
    or_not = ", or remove it," if stored and stored == ours.domain else ""  # the stored token is then used
    return f"Set PIPEDRIVE_API_TOKEN to {token}{or_not} and restart Warmline; everything then continues as before."


def name_of(me: User) -> str:
    """Return the name of a user's company for people."""
    return named(me.company_name, me.company_domain)
