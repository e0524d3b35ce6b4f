"""What the docs point at exists: files, functions, tests, addresses, and the headings that links lead to."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from diagram import PAGE, drawing, drawn

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "warmline"
DOCS = ROOT / "docs"
MAPS = [PAGE, DOCS / "guarantees.md", DOCS / "design-notes.md"]  # here everything in code style is held to exist
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *PACKAGE.rglob("*.md")])
PROMISES = re.split(r"^## ", (DOCS / "guarantees.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]


def test_the_diagram_is_that_of_the_contracts() -> None:
    """If this fails, `make diagram` draws it again."""
    assert drawn(PAGE.read_text(encoding="utf-8")) == drawing()


def test_the_code_names_files_that_exist() -> None:
    """In docstrings and comments, by their names or with their packages."""
    files = {str(file.relative_to(ROOT)) for place in (PACKAGE, ROOT / "tests") for file in place.rglob("*.py")}
    named = {
        name: file
        for file in sorted(PACKAGE.rglob("*.py"))
        for name in re.findall(r"(?<![\w/])[a-z_/]+\.py\b", file.read_text(encoding="utf-8"))
    }
    assert {n: f.name for n, f in named.items() if not any(f"/{each}".endswith(f"/{n}") for each in files)} == {}


@pytest.mark.parametrize("page", MAPS, ids=lambda page: page.name)
def test_what_a_map_names_exists(page: Path) -> None:
    """Every file, function, class, test, command and address in code style."""
    spans = re.findall(r"`([^`\n]+)`", _without_blocks(page.read_text(encoding="utf-8")))
    assert spans
    assert [span for span in spans if not _exists(span)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """To a file or folder that exists, and to a heading in it where the link names one."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _without_blocks(page.read_text(encoding="utf-8"))):
        path, _, heading = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not heading or heading in _headings(file), target


def test_the_way_in_leads_to_every_page() -> None:
    """docs/README.md forgets none, and the list of decisions forgets no decision."""
    for folder in (DOCS, DOCS / "decisions"):
        index = (folder / "README.md").read_text(encoding="utf-8")
        assert [page.name for page in folder.glob("*.md") if f"({page.name})" not in index] == ["README.md"]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.partition("\n")[0])
def test_a_promise_has_its_conditions_and_its_tests(promise: str) -> None:
    """Each says when it holds and what happens otherwise, and names at least one test that shows it."""
    assert "**Holds as long as**" in promise
    assert "**Otherwise**" in promise
    assert re.search(r"`tests/[a-z_/]+\.py::test_\w+`", promise.partition("**Shown by**")[2])


def test_the_commit_hook_runs_the_checks() -> None:
    """It fetches nothing, and cannot fall behind `make check`, because that is what it runs."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    assert [hook["entry"] for hook in config["repos"][0]["hooks"]] == ["make check"]


def _exists(span: str) -> bool:
    path, _, name = span.partition("::")
    if name or re.fullmatch(r"[\w./-]+(/|\.(py|md|toml|js|css|html|yaml))", path):
        files = [each / path for each in (ROOT, PACKAGE) if (each / path).exists()]
        return bool(files) and (not name or name in _defined(files[0]))
    if span.startswith(("make ", "warmline ")):  # test_architecture.py looks after these
        return True
    return re.search(rf"(?<!\w){re.escape(span)}(?!\w)", _sources()) is not None


@cache
def _defined(file: Path) -> set[str]:
    """Return what a module defines: its own names, and those of its classes' members with and without the class."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        names = _names(node)
        found |= names
        if isinstance(node, ast.ClassDef):
            members = {name for member in node.body for name in _names(member)}
            found |= members | {f"{node.name}.{name}" for name in members}
    return found


def _names(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


@cache
def _sources() -> str:
    kinds = ("*.py", "*.html", "*.js")
    return "\n".join(file.read_text(encoding="utf-8") for kind in kinds for file in sorted(PACKAGE.rglob(kind)))


def _without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def _headings(file: Path) -> set[str]:
    """Return a page's anchors, as forges make them of its headings."""
    headings = re.findall(r"^#+ (.+)$", _without_blocks(file.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
