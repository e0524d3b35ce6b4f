"""The body of an answer, unpacked a little at a time: a kilobyte can be a gigabyte, so nobody asks for all of it."""

import zlib
from collections.abc import Iterator

import httpx

PIECE = 1 << 16  # bytes
GZIP = 16 + zlib.MAX_WBITS


def unpacked(response: httpx.Response, most: int) -> Iterator[bytes]:
    """Yield a body in pieces that are small, packed or not.

    Args:
        response: Whose body; nothing of it was read.
        most: How many bytes it may have on the way, too.

    Raises:
        DecodingError: It cannot be unpacked, is packed in a way that we did not ask for, or is longer than that.
    """
    if response.is_stream_consumed:  # it was never on the way, such as a test's
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
                part = unpack.unconsumed_tail  # noqa: PLW2901 (what is left of it)
        except zlib.error as error:
            raise httpx.DecodingError("The answer cannot be decompressed.", request=response.request) from error
