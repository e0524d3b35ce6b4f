"""The access tokens of a grant, for the client: renewed before they end and when one is refused, by one at a time.

Of all processes on all machines one sends the refresh token, and the others wait for what it stores (single_flight.py).
Whatever comes back is stored, even if that took so long that another process has begun; if that one was told that the
token is spent, it finds the newer one and goes on.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError
from pydantic import SecretStr

from warmline.pipedrive import (
    Bearer,
    Clock,
    GrantEnded,
    OAuthApp,
    PipedriveError,
    Rejected,
    Tokens,
    TokenSource,
    Unauthorized,
    Unavailable,
)
from warmline.sync import credentials, oauth_grants
from warmline.sync.account_models import OAuthGrant
from warmline.sync.leases import BusyError
from warmline.sync.single_flight import one_asks

log = logging.getLogger(__name__)

MARGIN = timedelta(minutes=5)  # before its end, in which a token is renewed; at most a quarter of its life
SLACK = timedelta(minutes=1)  # a moment further ahead than this can only come from a clock that was wrong
WAITS = (0.2, 1.0, 3.0)  # seconds between attempts to store what came back
ENDED = (
    "Pipedrive does not let Warmline in any more: the app was uninstalled, or its access was revoked. "
    "Connect Pipedrive again on the Settings page."
)
REFUSED_APP = (
    "Pipedrive refuses Warmline's own app ({}). Check PIPEDRIVE_CLIENT_ID and PIPEDRIVE_CLIENT_SECRET, "
    "and restart Warmline."
)
NOT_READABLE = (
    "The stored tokens can no longer be read, because this installation's secret key has changed. "
    "Connect Pipedrive again on the Settings page."
)


def configured_app() -> OAuthApp:
    """Return the app that the environment describes.

    Raises:
        ValueError: The address of the OAuth server is not valid.
    """
    return OAuthApp(settings.PIPEDRIVE_OAUTH_URL, settings.PIPEDRIVE_CLIENT_ID, settings.PIPEDRIVE_CLIENT_SECRET)


class GrantTokens(TokenSource):
    """The tokens of a stored grant. Safe to share between threads.

    Args:
        way_in: Names the grant (see oauth_grants.py).
        clock: On which all machines agree.
        app: Asks for new tokens; None for the configured one.
    """

    def __init__(self, way_in: str, clock: Clock, app: OAuthApp | None = None) -> None:
        self._way_in = way_in
        self._clock = clock
        self._app = app

    def bearer(self) -> Bearer:
        """Return an access token that is good for a while; see `TokenSource`."""
        grant = self._grant()
        if self._is_fresh(grant):
            return _opened(grant)
        try:
            return self._renewed(grant.version)
        except Unauthorized:
            raise
        except PipedriveError:
            if grant.refreshed_at - SLACK <= self._clock.now() < grant.expires_at:
                return _opened(grant)  # good for a little longer, and the server may be back by then
            raise

    def instead_of(self, refused: Bearer) -> Bearer:
        """Return another access token than one that was refused; see `TokenSource`."""
        grant = self._grant()
        present = _opened(grant)
        return present if present.token != refused.token else self._renewed(grant.version)

    def _renewed(self, version: int) -> Bearer:
        try:
            grant = one_asks(
                "oauth token",
                clock=self._clock,
                known=lambda: self._newer_than(version),
                ask=self._refreshed,
                store=lambda _grant: None,  # it is stored whatever became of the lease
            )
        except BusyError:
            raise Unavailable("Another process is renewing the access to Pipedrive.") from None
        return _opened(grant)

    def _refreshed(self) -> OAuthGrant:
        grant = self._grant()
        refresh_token = credentials.decrypted(grant.refresh_token)
        app = self._app or configured_app()
        try:
            tokens = app.refresh(refresh_token)
        except GrantEnded:
            newer = self._newer_than(grant.version)
            if newer is not None:
                return newer
            oauth_grants.end(grant, ENDED)
            raise GrantEnded(ENDED) from None
        except Rejected as error:
            raise GrantEnded(REFUSED_APP.format(error.message.rstrip("."))) from None
        finally:
            if self._app is None:
                app.close()
        return self._kept(grant, tokens)

    def _kept(self, grant: OAuthGrant, tokens: Tokens) -> OAuthGrant:
        """Store what came back, again and again while the database is busy: it may be all that is good from now on."""
        for wait in WAITS:
            try:
                kept = oauth_grants.renewed(grant, tokens, self._clock.now())
                break
            except DatabaseError as error:
                log.warning("oauth.not_stored again_in=%g error=%r", wait, error)
                self._clock.sleep(wait)
        else:
            kept = oauth_grants.renewed(grant, tokens, self._clock.now())
        if kept is None:
            raise GrantEnded(ENDED)
        return kept

    def _newer_than(self, version: int) -> OAuthGrant | None:
        grant = self._grant()
        return grant if grant.version > version else None

    def _grant(self) -> OAuthGrant:
        grant = oauth_grants.of(self._way_in)
        if grant is None or grant.ended:
            raise GrantEnded(ENDED if grant is None else grant.ended)
        return grant

    def _is_fresh(self, grant: OAuthGrant) -> bool:
        now, life = self._clock.now(), grant.expires_at - grant.refreshed_at
        return grant.refreshed_at - SLACK <= now < grant.expires_at - min(MARGIN, life / 4)


class DraftTokens(TokenSource):
    """Tokens that are being tried, and not stored yet.

    Args:
        draft: The way in (see oauth_grants.py).
    """

    def __init__(self, draft: str) -> None:
        self._tokens = oauth_grants.tokens_of(draft)

    def bearer(self) -> Bearer:
        """Return the access token."""
        address = oauth_grants.followed(self._tokens.api_domain) or str(settings.PIPEDRIVE_BASE_URL)
        return Bearer(self._tokens.access_token, address)

    def instead_of(self, refused: Bearer) -> Bearer:  # noqa: ARG002 (the protocol's)
        """Raise GrantEnded: these tokens are an hour old, or no good."""
        raise GrantEnded("Pipedrive does not accept the access that it gave. Connect again.")


def _opened(grant: OAuthGrant) -> Bearer:
    token = credentials.decrypted(grant.access_token)
    if not token:
        raise GrantEnded(NOT_READABLE)
    return Bearer(SecretStr(token), oauth_grants.address_of(grant))
