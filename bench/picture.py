"""The results as a picture: one bar a figure, with marks for what it stands beside and for what is promised.

An SVG of its own colours for light and dark, made of text alone.
"""

from html import escape

from bench.figures import Figure, Result
from bench.table import number

WIDTH, LABELS, BARS = 1080, 330, 380  # pixels
LINE, BAR = 22, 12
STYLE = """
svg { --back: #ffffff; --text: #1c2024; --quiet: #60646c; --good: #2f7d57; --bad: #c2372e; --told: #6b7f99 }
@media (prefers-color-scheme: dark) {
  svg { --back: #16191d; --text: #edeef0; --quiet: #9ba1a9; --good: #4cae7f; --bad: #f0695f; --told: #8aa0bd }
}
text { font: 13px system-ui, sans-serif; fill: var(--text) }
.title { font-weight: 600; font-size: 15px }
.quiet { fill: var(--quiet) }
.back { fill: var(--back) }
.good { fill: var(--good) } .bad { fill: var(--bad) } .told { fill: var(--told) }
.beside { stroke: var(--text); stroke-width: 2; stroke-dasharray: 2 2 }
.promise { stroke: var(--text); stroke-width: 2 }
"""
COLOURS = {True: "good", False: "bad", None: "told"}
LEGEND = "Green: the promise holds; red: it does not. Solid mark: the promise. Dashed: the bound or rival of this run."


def draw(results: list[Result]) -> str:
    """Return the picture as SVG."""
    parts, y = [_text(16, 28, LEGEND, "quiet")], 28
    for result in results:
        y += 2 * LINE
        parts.append(_text(16, y, result.title, "title"))
        for figure in result.figures:
            y += LINE
            parts += _bar(figure, y)
    height = y + LINE
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Results">'
    back = f'<rect class="back" width="{WIDTH}" height="{height}"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", back, *parts, "</svg>", ""])


def _bar(figure: Figure, y: int) -> list[str]:
    limit = None if figure.promise is None else figure.promise.limit
    most = max(figure.value, figure.beside or 0, limit or 0) or 1
    width = max(1, BARS * figure.value / most)
    bar = f'x="{LABELS}" y="{y - BAR + 1}" width="{width:.1f}" height="{BAR}"'
    parts = [
        _text(16, y, figure.what),
        f'<rect class="{COLOURS[figure.holds]}" rx="2" {bar}/>',
        _text(LABELS + BARS + 14, y, _words(figure)),
    ]
    for mark, value in (("beside", figure.beside), ("promise", limit)):
        if value is not None:
            x = LABELS + BARS * value / most
            parts.append(f'<line class="{mark}" x1="{x:.1f}" x2="{x:.1f}" y1="{y - BAR - 2}" y2="{y + 4}"/>')
    return parts


def _words(figure: Figure) -> str:
    words = number(figure.value, figure.unit)
    if figure.ratio is not None:
        words += f", {figure.ratio:.2f} x {figure.beside_what}"
    return words


def _text(x: int, y: int, words: str, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(words)}</text>'
