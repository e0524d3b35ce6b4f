"""All attacks, in the order of the table. A new one is an `Attack` in a module here, and a line below."""

from siege.attack import Attack
from siege.attacks import (
    answers,
    bulk,
    crowd,
    disk,
    forged,
    guesses,
    half,
    idle,
    noise,
    passwords,
    reports,
    starts,
    streams,
)

ATTACKS: tuple[Attack, ...] = (
    *crowd.ATTACKS,
    *bulk.ATTACKS,
    *reports.ATTACKS,
    *disk.ATTACKS,
    *noise.ATTACKS,
    *answers.ATTACKS,
    *half.ATTACKS,
    *streams.ATTACKS,
    *passwords.ATTACKS,
    *guesses.ATTACKS,
    *forged.ATTACKS,
    *starts.ATTACKS,
    *idle.ATTACKS,
)
