"""What someone else does at the worst moment: after a row was read, and before it is written."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def meanwhile(
    deed: Callable[[], object], before: tuple[str, ...] = ("SAVEPOINT", "UPDATE", "INSERT")
) -> Iterator[None]:
    """Have something done when the code in the block begins to write.

    Args:
        deed: What is done, once.
        before: How the statement begins before which it is done.
    """
    waiting = [deed]

    def wrapper(execute: Any, sql: str, *more: Any) -> Any:
        if waiting and sql.startswith(before):
            waiting.pop()()
        return execute(sql, *more)

    with connection.execute_wrapper(wrapper):
        yield
    assert not waiting, "nothing was written"
