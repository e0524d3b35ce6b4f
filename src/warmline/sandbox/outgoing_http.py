"""Carries what the sandbox sends by itself: events to webhooks, and the word of an uninstalled app.

Beside the HTTP server only. It waits ten seconds for each answer, sends several at a time, follows no redirect, and
leaves this machine never (see outgoing.py).
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from warmline.sandbox.gateway import Sandbox
from warmline.sandbox.outgoing import Outgoing
from warmline.sandbox.webhooks import PATIENCE

EVERY = 0.02  # seconds between two looks at what is due
AT_ONCE = 8


@contextmanager
def carrying(sandbox: Sandbox) -> Iterator[None]:
    """Send what is due while the block runs. At its end, what is under way is given up."""
    ending = threading.Event()
    client = httpx.Client(timeout=PATIENCE, follow_redirects=False, trust_env=False)
    pool = ThreadPoolExecutor(AT_ONCE, "sandbox-events")

    def carry(one: Outgoing) -> None:
        sandbox.answered(one, 0 if ending.is_set() else _sent(client, one))

    def look() -> None:
        while not ending.wait(EVERY):
            if sandbox.world.outgoing:
                for one in sandbox.take_outgoing():
                    pool.submit(carry, one)

    thread = threading.Thread(target=look, name="sandbox-webhook-delivery")
    with client:
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()
            pool.shutdown(cancel_futures=True)


def _sent(client: httpx.Client, one: Outgoing) -> int:
    try:
        return client.request(one.method, one.url, content=one.content, headers=one.headers).status_code
    except httpx.HTTPError:
        return 0
