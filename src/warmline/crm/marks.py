"""The mark of a row: the id by which its record in Pipedrive is recognized, and that tells a start of Warmline.

A mark is a UUID. Those that a running server or worker makes are of version 8 (RFC 9562): the first 32 bits are the
token of its start (see sync/remote/restore_detection.py), so two installations tell each other's records from their
own. All other marks are of version 4 and say nothing.
"""

import secrets
from uuid import UUID, uuid4

TOKEN_BITS = 32
TOKEN_DIGITS = TOKEN_BITS // 4
VERSION = 8
_BITS = 128
_VERSION_AT, _VARIANT_AT = 76, 62  # the lowest bits of the version and of the variant


class _Process:
    """The start that this process belongs to."""

    token = ""


def use(token: str) -> None:
    """From now on, make marks of a start.

    Args:
        token: Its token; empty for marks that say nothing.
    """
    _Process.token = token


def new_token() -> str:
    """Return the token of a new start: eight hexadecimal digits."""
    return secrets.token_hex(TOKEN_BITS // 8)


def new_mark() -> UUID:
    """Return a mark for a new row."""
    if not _Process.token:
        return uuid4()
    number = int(_Process.token, 16) << (_BITS - TOKEN_BITS) | secrets.randbits(_BITS - TOKEN_BITS)
    number = number & ~(0xF << _VERSION_AT) | VERSION << _VERSION_AT
    return UUID(int=number & ~(0b11 << _VARIANT_AT) | 0b10 << _VARIANT_AT)


def token_of(mark: str) -> str:
    """Return the token of the start that a mark is of; empty if it says nothing, or is no mark.

    Args:
        mark: As it stands in Pipedrive.
    """
    try:
        number = UUID(mark)
    except ValueError:
        return ""
    return number.hex[:TOKEN_DIGITS] if number.version == VERSION else ""
