"""The cast of the tests of growth: Alice is an admin, Bob knows very many people, Carol knows two."""

import pytest
from api.caller import Caller

from warmline.crm.users import User


@pytest.fixture
def alice(db: None) -> Caller:
    """Return Alice, who sees all."""
    return Caller(User.objects.create_user("alice@example.com", "Alice", is_admin=True))


@pytest.fixture
def bob(db: None) -> Caller:
    """Return Bob, whose book grows."""
    return Caller(User.objects.create_user("bob@example.com", "Bob"))


@pytest.fixture
def carol(db: None) -> Caller:
    """Return Carol, whose two contacts came first of all."""
    caller = Caller(User.objects.create_user("carol@example.com", "Carol"))
    warm = caller.add("Eli", email="eli@example.net", warmness_score=5, organization={"name": "Birch"})
    cold = caller.add("Fay")
    for contact in (warm, cold):
        caller.log(contact["id"])
    return caller
