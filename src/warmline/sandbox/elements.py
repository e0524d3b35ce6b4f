"""HTML out of Python calls. Every text and attribute is escaped when it is written out, so that no page can forget to.

The standard library's element tree does the work; it needs no templates, and writes HTML as well as XML. Only the text
of `script` and `style` would go out as it is: they must stay empty, as the page's policy wants it anyway.
"""

from xml.etree.ElementTree import Element, tostring

Inside = Element | str | None


def el(tag: str, *inside: Inside, **attributes: str | None) -> Element:
    """Return an element.

    Args:
        tag: Its name.
        *inside: Elements and texts, in order; none is left out.
        **attributes: By name, with "_" for "-" and a "_" at the end where Python has the word; none is left out.
    """
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value is not None}
    element = Element(tag, named)
    for one in inside:
        if isinstance(one, Element):
            element.append(one)
        elif one and len(element):
            element[-1].tail = (element[-1].tail or "") + one
        elif one:
            element.text = (element.text or "") + one
    return element


def document(root: Element) -> bytes:
    """Return a whole page in UTF-8; what UTF-8 cannot hold (half of a character pair) becomes a question mark."""
    return b"<!doctype html>\n" + tostring(root, encoding="unicode", method="html").encode(errors="replace")
