"""The results as a table for the terminal, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from textwrap import fill

from bench.figures import Figure, Result

WIDTH = 118  # characters
VERDICTS = {True: "holds", False: "BROKEN", None: ""}


def lines(result: Result) -> Iterator[str]:
    """Yield a section's lines for the terminal."""
    yield f"\n{result.title}"
    yield fill(result.note, WIDTH, initial_indent="  ", subsequent_indent="  ")
    wide = max(len(figure.what) for figure in result.figures)
    besides = max(len(_beside(figure)) for figure in result.figures)
    for figure in result.figures:
        value, ratio = number(figure.value, figure.unit), "" if figure.ratio is None else f"{figure.ratio:.2f} x"
        promise = "" if figure.promise is None else f"{VERDICTS[figure.holds]:7} {_promise(figure)}"
        line = f"  {figure.what:{wide}} {value:>15} {ratio:>8} {_beside(figure):{besides}}  {promise}"
        yield f"{line}   {figure.detail}".rstrip()


def as_json(results: list[Result]) -> str:
    """Return all results as JSON, with each figure's ratio and whether its promise holds."""
    told = [
        asdict(result) | {"figures": [asdict(one) | {"ratio": one.ratio, "holds": one.holds} for one in result.figures]}
        for result in results
    ]
    return json.dumps(told, indent=2)


def number(value: float, unit: str) -> str:
    """Return a number with its unit, with as many digits as say something."""
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2  # noqa: PLR2004 (three digits in all)
    return f"{value:,.{digits}f} {unit}"


def _beside(figure: Figure) -> str:
    return "" if figure.beside is None else f"{number(figure.beside, figure.unit)} {figure.beside_what}"


def _promise(figure: Figure) -> str:
    if figure.promise is None:
        return ""
    return f"{figure.promise.text} ({number(figure.promise.limit, figure.unit)})"
