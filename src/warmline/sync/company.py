"""The company to which the links belong, and which engine may work for it.

An id of Pipedrive's is a stranger in another company. So an engine asks whose its token is before it works, and one
whose token is another company's waits for a person: to go back to the old company, or to start anew (see
remote/company_switch.py). Starting anew begins a new generation. Work that was begun in an earlier one sends and stores
nothing more, in whatever process it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

from django.db import transaction

from warmline.crm import preferences
from warmline.pipedrive import User
from warmline.sync import credentials
from warmline.sync.leases import BusyError
from warmline.sync.models import Company

_BEGUN_IN: ContextVar[int | None] = ContextVar("generation", default=None)  # of the work under way in this thread


class StartedAnewError(BusyError):
    """A person started anew with another company since the work began, so its ids are strangers by now."""


class Membership:
    """Whether an engine's token was found to be of the company to which the links belong. Shared by its threads.

    Args:
        token: The engine's; empty where nobody can change it meanwhile.

    Attributes:
        token: As given.
        is_new: Whether Pipedrive was never asked whose it is.
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
        """Tell whether the token was found to be another company's, and nobody has started anew since."""
        return self._refused_in is not None and self._refused_in == generation()

    def was_never_confirmed(self) -> bool:
        """Tell whether the engine has not worked yet."""
        return self._confirmed_in is None

    @contextmanager
    def asking(self) -> Iterator[bool]:
        """Let one thread at a time ask whose the token is; yield whether it is this one. Nobody waits for the other."""
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
        """Tell whether the token is still the one to work with; what an old one meets is nobody's news."""
        if self.token:
            preferences.refresh()
        return not self.token or self.token == credentials.token()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Do a piece of work in the block, for this company only.

        Raises:
            StartedAnewError: When the token was not found to be of the company to which the links belong by now.
        """
        if not self.is_confirmed():
            raise StartedAnewError
        begun = _BEGUN_IN.set(self._confirmed_in)
        try:
            yield
        finally:
            _BEGUN_IN.reset(begun)


def generation() -> int | None:
    """Return the present generation; None before a company was met."""
    return next(iter(Company.objects.filter(pk=1).values_list("generation", flat=True)), None)


@contextmanager
def storing() -> Iterator[None]:
    """Store, in one transaction, what a piece of work has learnt in Pipedrive, or what it is about to send.

    Raises:
        StartedAnewError: When it was begun in an earlier generation; nothing is stored then.
    """
    with transaction.atomic():
        begun_in = _BEGUN_IN.get()
        if begun_in is not None:
            # Held until the end, so that whoever starts anew finds what is stored here, and drops it.
            present = Company.objects.select_for_update().filter(pk=1).values_list("generation", flat=True).first()
            if present != begun_in:
                raise StartedAnewError
        yield


def make_sure() -> None:
    """Go on only if a piece of work was begun in the present generation: before a write that stores nothing first.

    Raises:
        StartedAnewError: When it was not.
    """
    begun_in = _BEGUN_IN.get()
    if begun_in is not None and begun_in != generation():
        raise StartedAnewError


def remembered() -> Company | None:
    """Return the company to which the links belong; None before one was met."""
    return Company.objects.filter(pk=1).first()


def is_another(company: Company, me: User) -> bool:
    """Tell whether a user belongs to another company. Names change, and are no evidence.

    Args:
        company: The one to which the links belong. An earlier version did not note its id, but its domain.
        me: Whose token it is.
    """
    if company.company_id is not None and me.company_id is not None:
        return company.company_id != me.company_id
    domains = {company.domain.casefold(), me.company_domain.casefold()}
    return "" not in domains and len(domains) > 1


def named(name: str, domain: str) -> str:
    """Return how people are told of a company."""
    return f"{name} ({domain})" if name and domain else name or domain or "a company without a name"


def way_back(ours: Company) -> str:
    """Say how one goes back to the company to which the links belong, from a token of another one."""
    token = f"a token of {named(ours.name, ours.domain)}"
    if not credentials.is_from_environment():
        return f"Enter {token} on the Settings page; everything then continues as before."
    stored = preferences.stored().pipedrive_account.get("company_domain", "")
    or_not = ", or remove it," if stored and stored == ours.domain else ""  # that token holds then
    return f"Set PIPEDRIVE_API_TOKEN to {token}{or_not} and restart Warmline; everything then continues as before."


def name_of(me: User) -> str:
    """Return how people are told of a user's company."""
    return named(me.company_name, me.company_domain)
