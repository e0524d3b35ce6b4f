"""Nobody comes: what both processes cost all the same, with a token for Pipedrive and without one."""

import os
import time
from pathlib import Path

from siege.attack import MEGABYTE, Attack, Said
from siege.ground import Ground, processes

SETTLED_AFTER = 3.0  # seconds: what there was to do after the saves is done by then, on a machine of its own
PATIENCE = 60.0  # seconds for the same beside other programs
NOISE = 5  # times what is promised: beside other programs the same work takes longer; the table tells the figure
OF_A_CORE = {True: 0.02, False: 0.01}  # with a token and without one


def _costs(place: Ground, seconds: float) -> Said:
    has_token = bool(place.env["PIPEDRIVE_API_TOKEN"])
    most = NOISE * OF_A_CORE[has_token]
    begun = time.monotonic()
    while _share(place, SETTLED_AFTER) > most and time.monotonic() < begun + PATIENCE:
        pass
    share = _share(place, seconds)
    said = Said(f"{100 * share:.1f} % of a core, {'with' if has_token else 'without'} a token, {seconds:.0f} s")
    if share > most:
        said.breaches.append(f"far more than the {100 * OF_A_CORE[has_token]:.0f} % of a core that are promised")
    return said


def _share(place: Ground, seconds: float) -> float:
    """Return what part of a core both processes use during so many seconds."""
    began, before = time.monotonic(), _worked(place)
    time.sleep(seconds)
    return (_worked(place) - before) / (time.monotonic() - began)


def _worked(place: Ground) -> float:
    """Return the processor seconds of both processes so far."""
    ticks = 0
    for pid in processes(place.pid):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # in user and in system
    return ticks / os.sysconf("SC_CLK_TCK")


ATTACKS = (
    Attack("nobody, no token", _costs, env={"PIPEDRIVE_API_TOKEN": ""}, is_quiet=True, memory=170 * MEGABYTE),
    Attack("nobody", _costs, is_quiet=True, memory=170 * MEGABYTE),
)
