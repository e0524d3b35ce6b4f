"""What a phone needs to put Warmline on its home screen: a manifest, icons of the sizes that it names, and colours."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from PIL import Image
from web.pages import look


def static(name: str) -> Any:
    """Ask for a static file, and return the answer with its `body`."""
    answer: Any = Client().get(f"/static/web/{name}")
    answer.body = b"".join(answer)
    return answer


@pytest.mark.parametrize("path", ["/", "/contacts", "/nothing"])
def test_every_page_names_it(alices: Client, path: str) -> None:
    """With the colour of its bar, in light and in dark."""
    html = look(alices.get(path), 404 if path == "/nothing" else 200)
    assert '<link rel="manifest" href="/static/web/app.webmanifest">' in html
    assert html.count('<meta name="theme-color"') == 2
    assert '<link rel="apple-touch-icon" href="/static/web/icon-180.png">' in html


def test_the_manifest(alices: Client) -> None:
    """It is served as one, and whatever it names is there, pictures in their size."""
    answer = static("app.webmanifest")
    assert answer["Content-Type"].startswith("application/manifest+json")
    manifest = json.loads(answer.body)
    assert (manifest["display"], manifest["scope"]) == ("standalone", "/")
    for page in (manifest["start_url"], *(each["url"] for each in manifest["shortcuts"])):
        look(alices.get(page))
    assert {each["purpose"] for each in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        assert static(icon["src"])["Content-Type"] == icon["type"]
        if icon["type"] == "image/png":
            assert _size(icon["src"]) == icon["sizes"]
    assert _size("icon-180.png") == "180x180"


def _size(name: str) -> str:
    found = finders.find(f"web/{name}")
    assert isinstance(found, str)
    with Image.open(Path(found)) as picture:
        return f"{picture.width}x{picture.height}"
