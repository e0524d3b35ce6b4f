"""Draws the import contracts of pyproject.toml as text; `make diagram` puts the drawing into docs/architecture.md.

A test compares the two, so the diagram cannot be wrong: what it shows is what `make check` enforces.
"""

import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGE = "warmline"
WIDTH = 108  # of the outer box
BEGIN, END = "<!-- drawn by `make diagram` -->\n", "<!-- end of the drawing -->"


def drawing() -> str:
    """Return the layers of every package as nested boxes, and below them the other contracts by their names."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = {package: each["layers"] for each in contracts if each["type"] == "layers" for package in _packages(each)}
    lines = [*_box(PACKAGE, layers, WIDTH), ""]
    for each in contracts:
        if each["type"] != "layers":
            lines += textwrap.wrap(each["name"], WIDTH, initial_indent="+ ", subsequent_indent="  ")
    return "```text\n" + "".join(f"{line}\n" for line in lines) + "```\n"


def drawn(page: str) -> str:
    """Return the drawing that a page holds."""
    return page.partition(BEGIN)[2].partition(END)[0]


def _packages(contract: dict[str, Any]) -> list[str]:
    """Return the packages whose layers a contract gives: its containers, else the parent of the first layer."""
    first: str = contract["layers"][0].split()[0].strip("()")
    packages: list[str] = contract.get("containers", [first.rpartition(".")[0]])
    return packages


def _box(package: str, layers: dict[str, list[str]], width: int) -> Iterator[str]:
    """Return a package as a box with a row for each of its layers, the highest first; inner packages in their row."""
    title = f"─ {package.removeprefix(f'{PACKAGE}.').replace('.', '/')} "
    yield f"┌{title:─<{width - 2}}┐"
    for layer in layers[package]:
        parts = [part.strip("()").removeprefix(f"{package}.") for part in layer.split() if part not in {"|", ":"}]
        inner = [part for part in parts if f"{package}.{part}" in layers]
        rows = textwrap.wrap("   ".join(part for part in parts if part not in inner), width - 4, subsequent_indent="  ")
        for part in inner:
            rows += _box(f"{package}.{part}", layers, width - 4)
        for row in rows:
            yield f"│ {row:<{width - 4}} │"
    yield f"└{'':─<{width - 2}}┘"


if __name__ == "__main__":
    old = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(old.replace(BEGIN + drawn(old) + END, BEGIN + drawing() + END), encoding="utf-8")
