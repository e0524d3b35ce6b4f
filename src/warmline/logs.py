"""The log on standard error, protected against floods (used by the setting LOGGING).

Anyone who can reach the port can make libraries log something. A line that repeats within a minute is counted instead
of written, and the count is written afterwards. A stranger's bad request gets one line without a traceback. Addresses
are logged as their URL patterns, because a one-time link contains a token.
"""

import json
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from warmline import tracing

MINUTE = 60.0
OUR_OWN = 30  # lines per minute and kind that our own code may write: each is about a different row
MOST_KINDS = 1000
TRACE = "warmline.trace"  # the log of each change and each call
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+|'[^']*'|\"[^\"]*\"")


@dataclass
class _Kind:
    """Similar lines: when counting began, how many there were, and how many were left out."""

    since: float
    seen: int = 0
    left_out: int = 0


class SparingHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic in the stubs only
    """Writes lines to standard error, but leaves out repetitions.

    Args:
        clock: Returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[object, ...], _Kind] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write or count a line, and write the counts whose minute is over."""
        tidy(record)
        if getattr(record, "status_code", None) == HTTPStatus.SERVICE_UNAVAILABLE:
            return  # storage.py logs the cause itself
        now = self._clock()
        self._tell_counts(now)
        if record.name == TRACE:
            super().emit(record)  # only where somebody wants each of them
            return
        if len(self._kinds) > MOST_KINDS:
            self._kinds.clear()
        kind = self._kinds.setdefault(_kind_of(record), _Kind(now))
        kind.seen += 1
        if kind.seen > (OUR_OWN if record.name.startswith("warmline") else 1):
            kind.left_out += 1
        else:
            super().emit(record)

    def close(self) -> None:
        """Write the remaining counts."""
        self._tell_counts(self._clock() + MINUTE)
        super().close()

    def _tell_counts(self, now: float) -> None:
        for key, kind in list(self._kinds.items()):
            if now < kind.since + MINUTE:
                continue
            del self._kinds[key]
            if kind.left_out:
                text = f"and {kind.left_out} more like this within a minute: {key[2]}"
                level = int(str(key[1]))
                super().emit(logging.LogRecord(str(key[0]), level, "", 0, text[:200], None, None))


class JsonFormatter(logging.Formatter):
    """Writes each line as a JSON object, with the id of what it follows from (see tracing.py)."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: `at`, `level`, `logger`, `message`, and where they are known `id` and `error`."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace := tracing.present():
            line["id"] = trace
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def tidy(record: logging.LogRecord) -> None:
    """Remove from a line what does not belong in a log.

    Args:
        record: The line; changed in place.
    """
    if record.name.startswith("django.security"):
        record.exc_info = record.exc_text = None  # the client's fault, so our stack explains nothing
    request: Any = getattr(record, "request", None)
    path = getattr(request, "path", "")
    if path and isinstance(record.args, tuple):
        place = getattr(getattr(request, "resolver_match", None), "route", None)
        record.args = tuple(("/" + place if place else "(no page)") if each == path else each for each in record.args)


def _kind_of(record: logging.LogRecord) -> tuple[object, ...]:
    error = record.exc_info[1] if record.exc_info else None
    text = str(record.msg).partition("\n")[0]
    where = None
    if error is not None and error.__traceback__ is not None:
        last = error.__traceback__
        while last.tb_next is not None:
            last = last.tb_next
        where = (last.tb_frame.f_code.co_filename, last.tb_lineno)
    return (record.name, record.levelno, _NUMBERS.sub("*", text), type(error).__name__, where)
