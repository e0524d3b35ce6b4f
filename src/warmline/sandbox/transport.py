"""The in-process door: an httpx transport, so that a client talks to the sandbox without a socket.

Silences become the httpx errors that a client would see of a real one. Nothing waits: time is the world's.
"""

import httpx

from warmline.sandbox.answers import Request
from warmline.sandbox.door import Sandbox
from warmline.sandbox.faults import NoAnswer, NotReached


class SandboxTransport(httpx.BaseTransport):
    """Hand this to `httpx.Client(transport=...)`.

    Args:
        sandbox: Who answers.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request.

        Raises:
            httpx.ReadTimeout: A fault has it that no answer comes.
            httpx.ConnectError: A fault has it that nobody is there.
        """
        call = Request(
            method=request.method,
            path=request.url.path,
            query=dict(request.url.params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.read(),
        )
        try:
            response = self.sandbox.answer(call)
        except NotReached:
            raise httpx.ConnectError("The sandbox refuses connections", request=request) from None
        except NoAnswer:
            raise httpx.ReadTimeout("The sandbox does not answer", request=request) from None
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body, request=request)
