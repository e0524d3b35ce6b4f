"""A whole Warmline for a browser: the program itself, the sandbox as its Pipedrive, and who signs in."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, expect, sync_playwright
from programs import PASSWORD, environment, free_port, new_team, running, serving_warmline

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# How long a test waits for what it sees in the end, on a machine that is busy with other things. (Playwright by itself
# would wait for 5 seconds.)
PATIENCE = 180.0  # seconds
expect.set_options(timeout=PATIENCE * 1000)
# A toast goes after eight of its ticks, which is too soon for a test on such a machine to find it.
STAYING = """
    const set = window.setInterval;
    window.setInterval = (run, wait, ...more) => set(run, wait === 1000 ? 1e6 : wait, ...more);
"""
# A page can be used before its scripts are ready, and then works without them. A test that is to see them waits.
READY = """
    const tell = () => { document.documentElement.dataset.ready = ""; };
    document.addEventListener("DOMContentLoaded", () => setTimeout(tell));
"""
TEAM = (("alice@example.com", "--admin", "--name", "Alice"), ("bob@example.com", "--name", "Bob"))
# Cookies of those who have signed in on a site, by its address and their name, and whose browser is closed: to sign in
# costs a second of the processor, most of it for the password's hash. Each is in one browser at a time.
_SESSIONS: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """Run Chromium while the block runs.

    Args:
        program: Where it is.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@dataclass(frozen=True)
class Site:
    """Where things run.

    Attributes:
        url: Of Warmline.
        sandbox: Of its Pipedrive.
        folder: Its data folder, with the programs' output in `warmline.log` and `sandbox.log`.
        env: The environment of its commands.
    """

    url: str
    sandbox: str
    folder: Path
    env: dict[str, str]


# The paths of the pages that a browser with a service worker has kept, once it has all that it always keeps.
KEPT_AHEAD = """async (patience) => {
  while (performance.now() < patience) {
    const name = (await caches.keys()).find((each) => each.startsWith("warmline-pages-"));
    const there = name ? (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname) : [];
    const has = ["/", "/contacts", "/contacts/new", "/outbox"].every((each) => there.includes(each));
    if (has && document.documentElement.dataset.outbox && navigator.serviceWorker.controller) return there;
    await new Promise((go) => setTimeout(go, 50));
  }
  throw new Error("The browser has not kept the pages.");
}"""


@contextmanager
def serving_site(folder: Path, **more: str) -> Iterator[Site]:
    """Run Warmline and a sandbox while the block runs; Alice is an admin, Bob a member.

    Args:
        folder: For its data.
        more: Further variables of its environment.
    """
    port = free_port()
    sandbox = f"http://127.0.0.1:{port}"
    ready, arguments = f"{sandbox}/sandbox/world", ("sandbox", "--port", str(port))
    env = environment(folder, sandbox)
    with (
        running(env, *arguments, ready=ready, log=folder / "sandbox.log"),
        serving_site_at(sandbox, folder, **more) as site,
    ):
        yield site


def kept_ahead(page: Page) -> list[str]:
    """Wait until a browser with a service worker has kept what it needs; return the paths of all pages that it has."""
    found: list[str] = page.evaluate(KEPT_AHEAD, PATIENCE * 1000)
    return found


@contextmanager
def serving_site_at(sandbox: str, folder: Path, **more: str) -> Iterator[Site]:
    """Run Warmline beside a sandbox that runs already.

    Args:
        sandbox: Where that answers.
        folder: See `serving_site`.
        more: See `serving_site`.
    """
    port = free_port()
    env = environment(folder, sandbox, **more)
    new_team(folder, *TEAM)
    with serving_warmline(env, port, log=folder / "warmline.log"):
        yield Site(f"http://127.0.0.1:{port}", sandbox, folder, env)


@dataclass
class People:
    """Opens browsers for people, and notes what their consoles say.

    Attributes:
        browser: Chromium.
        complaints: Errors of scripts, and what the Content-Security-Policy refused.
    """

    browser: Browser
    complaints: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)
    _members: list[tuple[BrowserContext, list[Any]]] = field(default_factory=list)

    def stranger(self, site: Site, *, toasts_go: bool = False, is_hasty: bool = False, **options: object) -> Page:
        """Return the page of someone who has not signed in.

        Args:
            site: Where.
            toasts_go: Whether toasts go by themselves, as they do for people.
            is_hasty: Whether to use a page before its scripts are ready.
            options: Of Playwright's `new_context`, such as `viewport` and `java_script_enabled`.
        """
        # The zone of the profiles, wherever this machine is. What a service worker asks for passes by Playwright's
        # routes, so there is none except where it is tested.
        settings: Any = {"timezone_id": "UTC", "service_workers": "block", **options}
        context = self.browser.new_context(base_url=site.url, **settings)
        context.on("console", self._note)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.set_default_timeout(PATIENCE * 1000)
        if not toasts_go:
            context.add_init_script(STAYING)
        self._contexts.append(context)
        page = context.new_page()
        if not is_hasty and options.get("java_script_enabled", True):
            context.add_init_script(READY)
            unready = page.locator("html:not([data-ready])")
            page.add_locator_handler(unready, lambda: page.wait_for_load_state("load"), no_wait_after=True)
        return page

    def member(self, site: Site, name: str = "alice", **options: Any) -> Page:
        """Return the page of someone who has signed in.

        Args:
            site: Where.
            name: "alice" or "bob".
            options: See `stranger`.
        """
        page = self.stranger(site, **options)
        kept = _SESSIONS[site.url, name]
        if kept:
            page.context.add_cookies([kept.pop()])
        self._members.append((page.context, kept))
        page.goto("/sign-in")  # which leads on who has signed in
        if "/sign-in" in page.url:
            page.get_by_label("E-mail", exact=True).fill(f"{name}@example.com")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Today", level=1).wait_for()
        return page

    def close(self) -> None:
        """Close all that was opened; who is still signed in need not sign in again in the next test."""
        for context, kept in self._members:
            with suppress(Error):  # it was closed already
                kept += [cookie for cookie in context.cookies() if cookie["name"] == "sessionid"]
        for context in self._contexts:
            context.close()

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)
