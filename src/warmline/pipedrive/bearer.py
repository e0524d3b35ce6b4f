"""Access tokens of OAuth: short-lived, with the address that goes with each, from a source that renews them.

Where they are kept, and who renews them, is the caller's business: this package only asks for one before each call.
"""

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr


@dataclass(frozen=True)
class Bearer:
    """An access token.

    Attributes:
        token: Sent in the header `Authorization` and nowhere else.
        base_url: The address that it is for: scheme, host and port.
    """

    token: SecretStr
    base_url: str


class TokenSource(Protocol):
    """Knows the access token in use. Both methods raise errors of this package and no others."""

    def bearer(self) -> Bearer:
        """Return an access token that is good for some minutes more; renew it first if it is not.

        Raises:
            PipedriveError: There is none: GrantEnded if a person has to connect again.
        """
        ...

    def instead_of(self, refused: Bearer) -> Bearer:
        """Return another access token than one that Pipedrive has just refused.

        Raises:
            PipedriveError: As above.
        """
        ...
