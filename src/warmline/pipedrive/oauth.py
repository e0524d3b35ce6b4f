"""The app's own calls to Pipedrive's OAuth server: a code or a refresh token for new tokens, and the end of a grant.

It keeps nothing. A lost answer to a refresh is `Unavailable`, because nothing else can be done than to ask again;
`GrantEnded` is raised only if the server itself says that code or refresh token are no good any more.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from warmline.pipedrive import error_responses
from warmline.pipedrive.clock import SYSTEM_CLOCK, Clock
from warmline.pipedrive.error_responses import Answer, Call
from warmline.pipedrive.errors import GrantEnded, PipedriveError, Rejected, Unavailable, Uncertain
from warmline.pipedrive.http_session import checked_address
from warmline.pipedrive.unpacking import unpacked

TOKEN, REVOKE = Call("POST", "/oauth/token", 0), Call("POST", "/oauth/revoke", 0)
LONGEST = 64 << 10  # bytes of an answer; tokens are a few hundred characters, and grow
TIMEOUT = 10.0
AN_HOUR = 3_600  # for which an access token is taken to be good if its answer does not say


class Tokens(BaseModel):
    """What the server gives out.

    Whatever else is missing or odd, the tokens are taken: the refresh token that was sent may be spent by now.

    Attributes:
        access_token, refresh_token: Secrets.
        expires_in: Seconds until the access token ends.
        scope: What they cover, with commas or spaces between; empty if that was not said.
        api_domain: The address for calls with them; it may change with each answer. Empty if that was not said.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    access_token: SecretStr = Field(min_length=1)
    refresh_token: SecretStr = Field(min_length=1)
    expires_in: int = AN_HOUR
    scope: str = ""
    api_domain: str = ""

    @field_validator("expires_in", mode="before")
    @classmethod
    def _of_seconds(cls, said: object) -> int:
        with suppress(TypeError, ValueError, OverflowError):
            return max(0, int(float(said))) or AN_HOUR  # type: ignore[arg-type]  # what is no number is not said
        return AN_HOUR

    @field_validator("scope", "api_domain", mode="before")
    @classmethod
    def _of_text(cls, said: object) -> str:
        return said if isinstance(said, str) else ""

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes, one by one."""
        return frozenset(self.scope.replace(",", " ").split())


class OAuthApp:
    """An app as Pipedrive knows it. Safe to share between threads; use it as a context manager, or `close` it."""

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Prepare, without calling.

        Args:
            base_url: The OAuth server: scheme, host and port.
            client_id: As Pipedrive gave it to the app.
            client_secret: Likewise.
            transport: Carries the requests; None for the network.
            clock: Tells the time.

        Raises:
            ValueError: The address is not valid.
        """
        self._base = str(checked_address(base_url)).rstrip("/")
        self._client_id = client_id
        self._secret = SecretStr(client_secret)
        self._http = httpx.Client(transport=transport, timeout=TIMEOUT, follow_redirects=False)
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def authorize_url(self, redirect_uri: str, state: str) -> str:
        """Return where a person lets the app in."""
        query = {"client_id": self._client_id, "redirect_uri": redirect_uri, "state": state}
        return f"{self._base}/oauth/authorize?{urlencode(query)}"

    def exchange(self, code: str, redirect_uri: str) -> Tokens:
        """Return the first tokens for an authorization code, which is good once.

        Raises:
            GrantEnded: The code is not good, or not any more.
            PipedriveError: The server refuses the app, or does not answer.
        """
        return self._tokens({"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri})

    def refresh(self, refresh_token: str) -> Tokens:
        """Return new tokens; the refresh token in them may be the same or another one. Left out, it is the same.

        Raises:
            GrantEnded: The refresh token is not good any more: a person has to connect again.
            PipedriveError: The server refuses the app, or does not answer; the refresh token may still be good.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self._tokens(form, {"refresh_token": refresh_token})

    def revoke(self, refresh_token: str) -> None:
        """Uninstall the app for the user of a refresh token.

        Raises:
            PipedriveError: It was not done, or nobody knows.
        """
        self._ask(REVOKE, {"token": refresh_token, "token_type_hint": "refresh_token"})

    def _tokens(self, form: Mapping[str, str], unless_said: Mapping[str, str] | None = None) -> Tokens:
        said = {name: value for name, value in self._ask(TOKEN, form).items() if value is not None}
        try:
            return Tokens.model_validate({**(unless_said or {}), **said})
        except ValidationError as error:
            names = ", ".join(str(item["loc"][0]) for item in error.errors(include_input=False))
            raise Unavailable(f"The answer has no usable {names}.", call=str(TOKEN)) from None

    def _ask(self, call: Call, form: Mapping[str, str]) -> dict[str, Any]:
        try:
            answer = self._exchange(call, form)
        except error_responses.FAILURES as failure:
            error = Unavailable(error_responses.no_answer(call, failure).message, call=str(call))
            raise error from error_responses.without_frames(failure)
        try:
            said = json.loads(answer.body)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            said = {}
        if answer.status == HTTPStatus.OK:
            return said
        raise _refusal(call, answer, said, [*form.values(), self._secret.get_secret_value()])

    def _exchange(self, call: Call, form: Mapping[str, str]) -> Answer:
        auth = httpx.BasicAuth(self._client_id, self._secret.get_secret_value())
        headers = {"accept": "application/json", "accept-encoding": "gzip"}
        deadline = self._clock.monotonic() + TIMEOUT
        url = f"{self._base}{call.path}"
        with self._http.stream(call.method, url, data=dict(form), auth=auth, headers=headers) as response:
            body = b""
            for part in unpacked(response, LONGEST):
                body += part
                if len(body) > LONGEST:
                    raise httpx.DecodingError("The answer is too long.", request=response.request)
                if self._clock.monotonic() > deadline:
                    raise httpx.ReadTimeout("The answer took too long to arrive.", request=response.request)
        return Answer(response.status_code, response.headers, body, self._clock.now())


def _refusal(call: Call, answer: Answer, said: Mapping[str, Any], secrets: list[str]) -> PipedriveError:
    """Return the error for an answer other than 200, without a secret that it may quote."""
    texts = [said.get(name) for name in ("message", "error_description", "error")]
    message = next((text for text in texts if isinstance(text, str) and text), "")
    for secret in secrets:
        message = message.replace(secret, "***") if secret else message
    words = f"{said.get('error')} {message}".casefold().replace("_", " ")
    if answer.status == HTTPStatus.BAD_REQUEST and "invalid grant" in words:
        return GrantEnded(message, call=str(call), status=answer.status)
    if answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED} and said:
        return Rejected(message or "No reason was given.", call=str(call), status=answer.status)
    quiet = Answer(answer.status, answer.headers, b"", answer.at)
    error = error_responses.refusal(call, quiet, {"success": False} if said else {})
    return Unavailable(error.message, call=str(call), status=error.status) if isinstance(error, Uncertain) else error
