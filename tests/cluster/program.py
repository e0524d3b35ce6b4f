"""`python -m cluster.program worker`: `warmline worker` whose leases last ten seconds, and which says its own name.

So a run of minutes sees many of them end. Everything else is as installed.
"""

import os
import sys
from datetime import timedelta

import django

LIFETIME = timedelta(seconds=10)
NAMED = "cluster.process name="


def main() -> None:
    """Be that program."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "warmline.settings"
    django.setup()
    from warmline.cli import main as warmline  # noqa: PLC0415 (Django is ready by now)
    from warmline.sync import leases, processes  # noqa: PLC0415 (as above)

    leases.LIFETIME = LIFETIME
    for function in (leases.Leases.take, leases.expire_in_time):
        function.__kwdefaults__ = {**(function.__kwdefaults__ or {}), "lifetime": LIFETIME}
    sys.stderr.write(f"{NAMED}{processes.PROCESS}\n")
    warmline()


if __name__ == "__main__":
    main()
