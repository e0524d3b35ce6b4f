"""The software bill of materials, in CycloneDX: what the lock file says is installed beside it, and by whose wish.

It is made of the lock file alone, so that it is the same wherever it is made.
"""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

OURS = "warmline"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+?))?\s*\\?$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"^\s+#\s+(?:via\s+)?([A-Za-z0-9._-]+)(?:\s+\(.*\))?$")


@dataclass
class Pinned:
    """A package that the lock file names.

    Attributes:
        marker: Where it is installed; empty for everywhere.
        hashes: SHA-256 of its files, of which one is installed.
        via: Who wishes it.
    """

    name: str
    version: str
    marker: str
    hashes: list[str] = field(default_factory=list)
    via: list[str] = field(default_factory=list)

    @property
    def purl(self) -> str:
        """Its name in bills of materials."""
        return f"pkg:pypi/{self.name}@{self.version}"


def pinned(lock: str) -> Iterator[Pinned]:
    """Yield what a lock file names, in its order.

    Args:
        lock: The file's text, as uv writes it.
    """
    found: Pinned | None = None
    for line in lock.splitlines():
        if match := _PINNED.match(line):
            if found is not None:
                yield found
            found = Pinned(match[1].lower().replace("_", "-"), match[2], match[3] or "")
        elif found is not None and (match := _HASH.search(line)):
            found.hashes.append(match[1])
        elif found is not None and line.strip() != "# via" and (match := _VIA.match(line)):
            found.via.append(match[1].lower())
    if found is not None:
        yield found


def bill_of_materials(lock: str, *, version: str, commit: str, at: int) -> str:
    """Return the bill as JSON.

    Args:
        lock: The lock file's text.
        version: Warmline's.
        commit: What it is built from.
        at: The commit's time, in Unix seconds.
    """
    packages = list(pinned(lock))
    ours = f"pkg:pypi/{OURS}@{version}"
    wishes: dict[str, list[str]] = {ref: [] for ref in (ours, *(package.purl for package in packages))}
    by_name = {package.name: package.purl for package in packages} | {OURS: ours}
    for package in packages:
        for name in package.via:
            wishes[by_name[name]].append(package.purl)
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{ours}#{commit}')}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", "bom-ref": ours, "name": OURS, "version": version, "purl": ours},
            "properties": [{"name": "warmline:commit", "value": commit}],
        },
        "components": [_component(package) for package in packages],
        "dependencies": [{"ref": ref, "dependsOn": sorted(wished)} for ref, wished in wishes.items()],
    }
    return json.dumps(bill, indent=2) + "\n"


def _component(package: Pinned) -> dict[str, Any]:
    properties = [{"name": "warmline:file:sha256", "value": digest} for digest in package.hashes]
    if package.marker:
        properties.append({"name": "warmline:marker", "value": package.marker})
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "properties": properties,
    }
