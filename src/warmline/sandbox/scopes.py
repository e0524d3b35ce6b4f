"""OAuth scopes: which of them open which operation, as Pipedrive's documents have it.

A test compares every operation with the documents. Notes and v1's fields of persons are in none of them; they are taken
to be open to whoever may see contacts.
"""

BASE = "base"
FULL_CONTACTS, FULL_ACTIVITIES, ADMIN, FIELDS = "contacts:full", "activities:full", "admin", "contact-fields:full"
CONTACTS = frozenset({"contacts:read", FULL_CONTACTS})
ACTIVITIES = frozenset({"activities:read", FULL_ACTIVITIES})
SEARCH, USERS = "search:read", "users:read"
# Those whose calls need the same, whatever the method; "*" is any path below.
ALIKE = {
    ("users", "me"): frozenset({BASE}),
    ("users", "*"): frozenset({USERS}),
    ("webhooks", "*"): frozenset({ADMIN}),
    ("activityFields", "*"): frozenset({ADMIN}),
    ("activityTypes", "*"): ACTIVITIES | {ADMIN},
    ("itemSearch", "*"): frozenset({SEARCH}),
    ("persons", "search"): CONTACTS | {SEARCH},
    ("organizations", "search"): CONTACTS | {SEARCH},
}
EVERYTHING = (BASE, FULL_CONTACTS, FULL_ACTIVITIES, SEARCH, USERS, ADMIN)


def needed(method: str, path: str) -> frozenset[str]:
    """Return the scopes of which a call needs one.

    Args:
        method: In capitals.
        path: As the operation has it, such as `/api/v2/persons/{id}`.
    """
    what, _, more = path.split("/", 3)[3].partition("/")
    if (what, more) in ALIKE or (what, "*") in ALIKE:
        return ALIKE.get((what, more)) or ALIKE[what, "*"]
    if what.endswith("Fields"):
        return _of_fields(method, more)
    reading, writing = (ACTIVITIES, FULL_ACTIVITIES) if what == "activities" else (CONTACTS, FULL_CONTACTS)
    return reading if method == "GET" else frozenset({writing})


def _of_fields(method: str, more: str) -> frozenset[str]:
    admins = frozenset({ADMIN, FIELDS})
    if method == "GET":
        return CONTACTS | admins
    makes_or_deletes = not more or (method == "DELETE" and not more.endswith("options"))
    return admins if makes_or_deletes else admins | {FULL_CONTACTS}
