"""Under which address people reach Warmline: the one that links in e-mails and invitations lead to.

It is never taken from a request, whose host and port whoever sends it can choose.
"""

from ipaddress import ip_address

from django.conf import settings

LOCAL_PORT = 8000  # where `serve` listens unless told otherwise


class PublicAddress:
    """The address of this installation.

    Attributes:
        port: Where this process listens.
    """

    def __init__(self) -> None:
        self.port = LOCAL_PORT

    def whole(self, path: str) -> str:
        """Return the link that leads to a path of ours."""
        return self.origin() + path

    @property
    def is_doubtful(self) -> bool:
        """Whether nobody said it, and others than this machine are to come."""
        return not settings.PUBLIC_URL and not all(map(_is_loopback, settings.ALLOWED_HOSTS))

    def origin(self) -> str:
        """Return scheme, host and port: as WARMLINE_PUBLIC_URL says, else of the first host that is one."""
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
