"""What must hold of the code as a whole: the arrows, the docstrings, and a README that names only what exists."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from warmline.cli import app

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "warmline"
MODULES = sorted(file for file in PACKAGE.rglob("*.py") if "migrations" not in file.parts)
SPEAK_HTTP = {"pipedrive", "sandbox", "demo.py", "programs.py", "client"}
LONGEST_MODULE, LONGEST_FUNCTION = 350, 44  # lines
IMPORTED = re.compile(r"^ *from [\w.]+ import (?:\([^)]*\)|.*)$", re.MULTILINE)
PROSE = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_imports_point_one_way() -> None:
    """The contracts of pyproject.toml hold; asked in a process of its own, because asking silences all loggers."""
    program = str(Path(sys.executable).with_name("lint-imports"))
    command = [program, "--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_says_what_it_is(file: Path) -> None:
    """It opens with a docstring, and only those that may speak HTTP import httpx."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    if file.relative_to(PACKAGE).parts[0] not in SPEAK_HTTP:
        assert "httpx" not in set(_imported(tree))


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_and_its_functions_are_short(file: Path) -> None:
    """A module has at most 350 lines, a function at most 44."""
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_MODULE
    if file.name == "control.py":
        return  # its endpoints are inside the function that binds them to a sandbox
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION}


def test_what_a_module_defines_is_used() -> None:
    """Code that nothing calls was forgotten when something was taken away, or not called yet when it was added."""
    files = [file for kind in ("*.py", "*.html", "*.txt") for file in PACKAGE.rglob(kind)]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    times = Counter(re.findall(r"\w+", IMPORTED.sub("", text)))  # what is imported and no more is not used
    defined = (
        node.name
        for file in MODULES
        if file.name != "apps.py"  # Django finds what is in it
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.decorator_list
    )
    assert [name for name in defined if times[name] == 1] == []


def test_the_readme_names_each_command() -> None:
    """Every command that README and docs/ show exists, and README leaves none out."""
    documented = {file: set(_documented(file)) for file in PROSE}
    assert set().union(*documented.values()) == documented[ROOT / "README.md"] == set(_leaves(get_command(app), ()))


def test_the_readme_names_targets_that_exist() -> None:
    """So does every `make TARGET`."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for file in PROSE for name in re.findall(r"(?:`|\$ )make ([a-z]+)", file.read_text(encoding="utf-8"))}
    assert named
    assert named <= targets


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Return the words of each command that does something."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path
        return
    for name, each in inner.items():
        yield from _leaves(each, (*path, name))


def _documented(file: Path) -> Iterator[tuple[str, ...]]:
    """Return the words of each command that a text shows, without its arguments."""
    for words in re.findall(r"(?:`|/bin/|\$ )warmline ((?:[a-z]+(?:-[a-z]+)* ?)+)", file.read_text(encoding="utf-8")):
        command: Any = get_command(app)
        path: list[str] = []
        for word in words.split():
            if not hasattr(command, "commands"):
                break
            command = command.commands.get(word)
            path.append(word)
        yield tuple(path)
