"""Sending: to no address that was not checked, and for no longer than it may take."""

import socket
from ipaddress import ip_address
from typing import Any

import pytest
from webhooks.receiver import Receiver, drip

from warmline.webhooks import sending
from warmline.webhooks.sending import NotSentError, is_private, post, what_is_wrong


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",  # noqa: S104 (nothing listens there)
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "::7f00:1",
        "::ffff:0:a00:1",
        "64:ff9b:1::a00:1",
        "fec0::1",
        "5f00::1",
    ],
)
def test_what_is_private(address: str) -> None:
    """Whatever is not on the internet, however it is written."""
    assert is_private(ip_address(address))


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_what_is_not(address: str) -> None:
    """Addresses of the internet."""
    assert not is_private(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com",
        "http://",
        "https://user@example.com",
        "https://u:p@example.com/",
        "https://example.com/#a",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://exa mple.com",
        "https://example.com/\r\nX: y",
        "http://[::1",
        "https://example.com/\\evil",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_address_of_a_webhook(url: str) -> None:
    """It is said in words, and nothing is sent there."""
    assert what_is_wrong(url).endswith(".")
    with pytest.raises(NotSentError):
        post(url, {}, b"", private=True)


@pytest.mark.parametrize("url", ["https://example.com", "http://example.com:8080/a?b=c", "https://[2606:4700::1]/"])
def test_what_is_one(url: str) -> None:
    """Plain and encrypted, with or without a port."""
    assert what_is_wrong(url) == ""


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433"])
def test_private_addresses_need_leave(receiver: Receiver, name: str) -> None:
    """By whatever name; with leave, it is sent."""
    receiver.secret = "whsec_aaaa"
    with pytest.raises(NotSentError, match=r"private|cannot be found"):
        post(f"http://{name}:{receiver.port}/", {}, b"{}", private=False)
    assert receiver.bad == 0
    assert post(receiver.url, {}, b"{}", private=True).status == 401


def test_the_checked_address_is_the_one_connected_to(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere at the second look is looked up once."""
    looked: list[str] = []

    def look(host: str, port: int, **_: Any) -> list[Any]:
        looked.append(host)
        address = "93.184.216.34" if len(looked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected: list[Any] = []

    def connect(_: socket.socket, address: Any) -> None:
        connected.append(address)
        raise OSError(113, "No route to host")

    monkeypatch.setattr(socket, "getaddrinfo", look)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(NotSentError, match="No route to host"):
        post(f"http://rebinding.example.com:{receiver.port}/", {}, b"{}", private=False)
    assert (looked, connected) == (["rebinding.example.com"], [("93.184.216.34", receiver.port)])


def test_no_redirect_is_followed(receiver: Receiver) -> None:
    """It is an answer like any other, and no good one."""
    receiver.secret = "whsec_aaaa"
    receiver.take = lambda request: request.answer(307, "", Location="http://169.254.169.254/")  # type: ignore[method-assign]
    answer = post(receiver.url, {}, b"{}", private=True)
    assert (answer.status, answer.is_good) == (307, False)


def test_an_answer_is_read_to_its_beginning(receiver: Receiver) -> None:
    """However long it is, and whatever is in it."""
    receiver.take = lambda request: request.answer(200, "a\0" + "b" * 10**7)  # type: ignore[method-assign]
    answer = post(receiver.url, {}, b"{}", private=True)
    assert len(answer.text) == sending.READ
    assert answer.text.startswith("a\ufffdb")


def test_who_answers_byte_by_byte_is_cut_off(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it has to be over in time."""
    monkeypatch.setattr(sending, "WHOLE", 0.3)
    receiver.take = drip  # type: ignore[method-assign]
    with pytest.raises(NotSentError):
        post(receiver.url, {}, b"{}", private=True)


def test_what_speaks_no_tls(receiver: Receiver) -> None:
    """It is told in words."""
    with pytest.raises(NotSentError, match=r"encrypted|failed"):
        post(receiver.url.replace("http:", "https:"), {}, b"{}", private=True)
