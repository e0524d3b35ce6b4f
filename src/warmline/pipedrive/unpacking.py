"""Decompresses the body of a response piece by piece, because a kilobyte can decompress to a gigabyte."""

import zlib
from collections.abc import Iterator

import httpx

PIECE = 1 << 16  # bytes
GZIP = 16 + zlib.MAX_WBITS


def unpacked(response: httpx.Response, most: int) -> Iterator[bytes]:
    """Yield a body in small pieces, decompressed if need be.

    Args:
        response: Nothing of its body has been read.
        most: The most bytes that it may have on the wire.

    Raises:
        DecodingError: It cannot be decompressed, uses an encoding that we did not ask for, or is longer than `most`.
    """
    if response.is_stream_consumed:  # it did not come over the network, for example in a test
        yield response.content
        return
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed not in {"identity", "gzip", ""}:
        raise httpx.DecodingError("The answer is compressed in a way that was not asked for.", request=response.request)
    unpack, came = (zlib.decompressobj(GZIP) if packed == "gzip" else None), 0
    for part in response.iter_raw():
        came += len(part)
        if came > most:
            raise httpx.DecodingError("The answer is too long.", request=response.request)
        if unpack is None:
            yield part
            continue
        try:
            while part:
                yield unpack.decompress(part, PIECE)
                part = unpack.unconsumed_tail  # noqa: PLW2901 (the rest of it)
        except zlib.error as error:
            raise httpx.DecodingError("The answer cannot be decompressed.", request=response.request) from error
