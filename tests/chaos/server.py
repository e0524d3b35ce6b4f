"""A process of Warmline as `serve` runs it beside the pages: follower, dispatcher and workers, on a stage."""

import json
from collections.abc import Mapping
from datetime import timedelta
from random import Random

import httpx
from chaos.breach import Breach
from chaos.journal import Journal, RowName
from stage import Crash, Process, Stage

from warmline.crm.preferences import Preferences
from warmline.pipedrive import Limiter, Pipedrive, Window
from warmline.pipedrive.ledger import Ledger
from warmline.sandbox import Sandbox, SandboxTransport
from warmline.sync import credentials
from warmline.sync.company import Membership
from warmline.sync.engine.dispatcher import SWEEP, Dispatcher
from warmline.sync.engine.reconciler import Engine
from warmline.sync.engine.settings_reload import Follower
from warmline.sync.policy import Policy
from warmline.sync.priorities import Work

WINDOWS = (Window(20, 2.0), Window(100, 10.0))
SEARCHES = Window(10, 2.0)
TOO_MANY = 429
PROBES = {"/api/v1/users/me", "/api/v1/users"}  # by these another company is known; nothing of the answers is kept


class Line(httpx.BaseTransport):
    """The way to Pipedrive and back: it takes time, a process can die on it, and what goes over it is written down.

    Args:
        sandboxes: By token, who answers.
        home: The sandbox to which our rows belong.
        stage: On which time passes.
        random: Draws how long the way is.
        journal: Where it is written down.
    """

    def __init__(
        self, sandboxes: dict[str, Sandbox], home: Sandbox, stage: Stage, random: Random, journal: Journal
    ) -> None:
        self._ways = {token: SandboxTransport(one, sleep=stage.sleep) for token, one in sandboxes.items()}
        self._home = home
        self._stage, self._random, self._journal = stage, random, journal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a call there and its answer back."""
        work = None if self._stage.current is None else self._stage.current.about
        row = (work.kind, work.row_id) if isinstance(work, Work) else None
        try:
            self._pass_time()
        except Crash:
            if self._random.random() < 0.5:  # it is on its way, and arrives with nobody there any more
                self._deliver(request, row)
            raise
        self._point()
        response = self._deliver(request, row)
        self._point()
        self._pass_time()
        return response

    def _point(self) -> None:
        if self._stage.current is not None:
            self._stage.current.process.point()

    def _pass_time(self) -> None:
        self._stage.sleep(self._random.uniform(0.02, 0.15))

    def _deliver(self, request: httpx.Request, row: RowName | None) -> httpx.Response:
        way = self._ways[request.headers["x-api-token"]]
        body = json.loads(request.read() or b"null")
        if way.sandbox is not self._home:
            if request.url.path not in PROBES:
                text = f"{request.method} {request.url.path} went to another company: {body}"
                self._journal.breaches.append(Breach("stranger", text))
            return way.handle_request(request)
        before = self._journal.records()
        try:
            response = way.handle_request(request)
        finally:
            if isinstance(body, dict):
                with self._stage.watching():
                    self._journal.called(request.method, request.url.path, body, row, before)
        if response.status_code == TOO_MANY and self._random.random() < 0.5:
            response.headers["retry-after"] = str(self._random.choice((1, 5, 20, 60)))
        return response


class Server:
    """One process.

    Args:
        name: Its machine; a new process on it has the same.
        line: The way to Pipedrive.
        stage: On which it works.
        policy: Of its engine.
        ledgers: What all processes use of the limits, by token.
        random: Of its engine.
        allowance: How many tokens the directory may cost.
    """

    def __init__(
        self,
        name: str,
        line: Line,
        stage: Stage,
        *,
        policy: Policy,
        ledgers: Mapping[str, Ledger],
        random: Random,
        allowance: int,
    ) -> None:
        self.process = Process(name)
        self._line, self._stage, self._policy, self._ledgers = line, stage, policy, ledgers
        self._random, self._allowance = random, allowance

    def start(self) -> None:
        """Begin, as a task of its own."""
        threads = self._stage.of(self.process)
        self._follower = Follower(self._engine, self._stage.clock, threads)
        self._stage.start(self._follower.start, "start", self.process)

    @property
    def waits_for_others(self) -> bool:
        """Whether rows are due that another worker is at, or that broke a moment ago."""
        dispatcher = self._follower._runner
        return isinstance(dispatcher, Dispatcher) and bool(dispatcher._held())

    @property
    def has_its_token(self) -> bool:
        """Whether it works with the token that was given last."""
        followed = self._follower._followed
        return followed is not None and followed[0] == credentials.token()

    @property
    def looked_at(self) -> float:
        """When it last looked what is due, in monotonic seconds; less than 0 before it did."""
        dispatcher = self._follower._runner
        return dispatcher._next_sweep - SWEEP if isinstance(dispatcher, Dispatcher) else -SWEEP

    def _engine(self, token: str, _decided: Preferences) -> Engine:
        clock = self._stage.clock
        limiter = Limiter(WINDOWS, search=SEARCHES, ledger=self._ledgers[token], clock=clock)
        pipedrive = Pipedrive("http://sandbox", token, transport=self._line, limiter=limiter, clock=clock)
        return Engine(
            pipedrive,
            self._policy,
            clock,
            self._random,
            directory_allowance=self._allowance,
            threads=self._stage.of(self.process),
            poll_every=timedelta(minutes=2),
            membership=Membership(token),
        )
