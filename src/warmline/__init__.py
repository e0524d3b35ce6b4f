"""Warmline: every warm contact, and every activity logged with it, is in Pipedrive, exactly once."""

import sys

# httpx has a command of its own, and with it come colours and tables: 4 MB in each process that nobody uses. Where
# that module cannot be imported, httpx does without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
