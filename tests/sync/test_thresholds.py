"""What another threshold comes to, in words and before it is saved."""

import pytest

from warmline.crm.book import add_contact
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync.status.threshold_preview import effects, going_at_each

pytestmark = pytest.mark.django_db


def test_the_effect_of_each_threshold(alice: User) -> None:
    """Those that are there already count at none."""
    for score in (2, 3, 3, 5, 5, 5):
        add_contact(alice, name="Jordan Ames", warmness_score=score)
    linked = add_contact(alice, name="Robin Vale", warmness_score=3)
    Contact.objects.filter(pk=linked.pk).update(pipedrive_person_id=1)
    assert going_at_each() == [6, 6, 6, 5, 3, 3, 0, 0, 0, 0, 0]
    said = effects(4)
    assert said[2:7] == [
        "3 more contacts will be sent",
        "2 more contacts will be sent",
        "current",
        "no change",
        "3 fewer contacts will be sent",
    ]
    assert effects(3)[2] == "1 more contact will be sent"
