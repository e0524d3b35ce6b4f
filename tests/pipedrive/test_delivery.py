"""What is given up is not delivered afterwards."""

import socket

import pytest

from warmline.pipedrive import Pipedrive
from warmline.sandbox import Sandbox, World, serving

TIMEOUT = 3.0  # seconds


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system cannot be told")
def test_the_system_gives_up_what_we_give_up() -> None:
    """A create that it cannot deliver must not arrive when another worker has made what it was to make."""
    with (
        serving(Sandbox(World.sample(token="sandbox-token"))) as url,
        Pipedrive(url, "sandbox-token", timeout=TIMEOUT) as pipedrive,
    ):
        pipedrive.own_user()
        (line,) = pipedrive._session._http._transport._pool.connections  # type: ignore[attr-defined]
        own = line._connection._network_stream.get_extra_info("socket")
        assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == TIMEOUT * 1000
