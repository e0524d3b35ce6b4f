"""The address at which people reach Warmline, used in the links of e-mails and invitations.

It is never taken from a request, because the sender of a request chooses its host and port.
"""

from ipaddress import ip_address

from django.conf import settings

LOCAL_PORT = 8000  # the default port of `serve`


class PublicAddress:
    """The address of this installation.

    Attributes:
        port: The port on which this process listens.
    """

    def __init__(self) -> None:
        self.port = LOCAL_PORT

    def whole(self, path: str) -> str:
        """Return the full link to one of our paths."""
        return self.origin() + path

    @property
    def is_doubtful(self) -> bool:
        """Whether it is only a guess although other machines are expected: WARMLINE_PUBLIC_URL is not set."""
        return not settings.PUBLIC_URL and not all(map(_is_loopback, settings.ALLOWED_HOSTS))

    def origin(self) -> str:
        """Return scheme, host and port: WARMLINE_PUBLIC_URL if set, otherwise made from the first allowed host."""
        if settings.PUBLIC_URL:
            return str(settings.PUBLIC_URL)
        names = (name.removeprefix(".") for name in settings.ALLOWED_HOSTS if name != "*")
        host = next(names, "localhost")
        return f"http://{host}:{self.port}" if _is_loopback(host) else f"https://{host}"


PUBLIC_ADDRESS = PublicAddress()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
