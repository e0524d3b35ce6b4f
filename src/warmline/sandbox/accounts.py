"""Users and activity types, which only v1 offers. Read-only; changes are made by `World`."""

from dataclasses import replace
from typing import Any

from warmline.sandbox import events, queries, shapes
from warmline.sandbox.answers import Json, missing
from warmline.sandbox.world import User, World


def me(world: World, user: User, query: Any) -> Json:
    """Return the token's owner, with the company's name and domain (GET /v1/users/me)."""
    shapes.read(queries.Nothing, query)
    return _shown(user, user) | {
        "company_id": world.company_id,
        "company_name": world.company,
        "company_domain": world.domain,
        "company_country": "EE",
        "company_industry": "Consulting",
        "language": {"language_code": "en", "country_code": "US"},
    }


def users(world: World, user: User, query: Any) -> list[Json]:
    """Return all users, including inactive ones (GET /v1/users)."""
    shapes.read(queries.Nothing, query)
    return [_shown(one, user) for one in world.users.values()]


def one(world: World, user: User, user_id: int) -> Json:
    """Return a user by its id (GET /v1/users/{id}).

    Raises:
        Refused: 404, there is no such user.
    """
    if user_id not in world.users:
        raise missing("User")
    return _shown(world.users[user_id], user)


def change(world: World, user_id: int, **values: Any) -> Json:
    """Change a user, as an administrator does in the company's settings.

    Args:
        world: Where.
        user_id: Whom.
        **values: Of the user's attributes.

    Returns:
        The user as v1 shows it.

    Raises:
        Refused: 404, there is no such user.
    """
    if user_id not in world.users:
        raise missing("User")
    before = world.users[user_id]
    after = replace(before, **values)
    world.users[user_id] = after
    seen, shown = _shown(before, before) | {"is_you": False}, _shown(after, after) | {"is_you": False}
    events.happened(world, "user", seen, shown)
    return shown


def find(world: World, user: User, query: Any) -> list[Json]:
    """Return the active users whose name or e-mail holds a term (GET /v1/users/find).

    Raises:
        Refused: The term is missing.
    """
    asked = shapes.read(queries.UserSearch, query)
    term = asked.term.casefold()
    return [
        _shown(one, user)
        for one in world.users.values()
        if one.active
        and (term in one.email.casefold() or (asked.search_by_email == "0" and term in one.name.casefold()))
    ]


def activity_types(world: World, query: Any) -> list[Json]:
    """Return all activity types, including inactive ones (GET /v1/activityTypes)."""
    shapes.read(queries.Nothing, query)
    return world.activity_types


def _shown(user: User, me: User) -> Json:
    return {
        "id": user.id,
        "name": user.name,
        "default_currency": "EUR",
        "locale": "en_US",
        "lang": 1,
        "email": user.email,
        "phone": None,
        "activated": user.active,
        "last_login": "2024-01-01 08:00:00",
        "created": "2024-01-01 08:00:00",
        "modified": None,
        "has_created_company": user.id == 1,
        "access": [{"app": app, "admin": user.admin, "permission_set_id": f"{app}-set"} for app in ("global", "sales")],
        "active_flag": user.active,
        "timezone_name": "Etc/UTC",
        "timezone_offset": "+00:00",
        "role_id": 1,
        "icon_url": None,
        "is_you": user.id == me.id,
        "is_deleted": False,
    }
