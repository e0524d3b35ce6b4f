"""A Warmline that a test stops and starts again while a browser works with it, and the sandbox beside it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from e2e.browsing import TEAM, Site
from programs import environment, free_port, new_team, running, serving_warmline


class Server:
    """A Warmline that can be stopped and started again.

    Args:
        folder: For its data.
        sandbox: Where its Pipedrive answers.
    """

    def __init__(self, folder: Path, sandbox: str) -> None:
        new_team(folder, *TEAM)
        self._port, self._runs, self._is_running = free_port(), ExitStack(), False
        self._env = environment(folder, sandbox)
        self.site = Site(f"http://127.0.0.1:{self._port}", sandbox, folder, self._env)

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._is_running:
            return
        self._is_running = True
        self._runs.enter_context(serving_warmline(self._env, self._port, log=self.site.folder / "warmline.log"))

    def stop(self) -> None:
        """Stop it; nothing answers at its address then."""
        self._is_running = False
        self._runs.close()


@contextmanager
def stoppable(folder: Path) -> Iterator[Server]:
    """Run both while the block runs.

    Args:
        folder: For their data.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = ("sandbox", "--port", str(port))
    with running(environment(folder, url), *arguments, ready=f"{url}/sandbox/world", log=folder / "sandbox.log"):
        found = Server(folder, url)
        found.start()
        yield found
        found.stop()
