"""What the first page says until there is a connection: connect, what will go over then, import and invite."""

from dataclasses import dataclass

from warmline.crm.models import WARMEST, Contact
from warmline.crm.users import User
from warmline.sync.models import ConnectionState
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health
from warmline.sync.status import threshold_preview

MOST = 1000  # contacts of a member's that are counted; beyond this it is "more than 1,000"


@dataclass(frozen=True)
class FirstSteps:
    """How far a new installation is.

    Attributes:
        threshold: The lowest warm score.
        going: What will go over as soon as there is a connection, in words: everyone's for an admin, a member's own.
        has_contacts: Whether the user sees any.
        has_colleagues: Whether anybody else is on the team.
        admins: Who can connect, by name.
    """

    threshold: int
    going: str
    has_contacts: bool
    has_colleagues: bool
    admins: list[str]


def first_steps(user: User) -> FirstSteps | None:
    """Return the first steps of an installation without a connection; None if it has one.

    Args:
        user: Who looks at them.
    """
    if connection_health.status().state != ConnectionState.NO_TOKEN:
        return None
    threshold = Policy.current().threshold
    people = User.objects.people()
    return FirstSteps(
        threshold=threshold,
        going=going_over() if user.is_admin else _own(user, threshold),
        has_contacts=Contact.objects.seen_by(user).exists(),
        has_colleagues=people.exclude(pk=user.pk).exists(),
        admins=list(people.filter(is_admin=True).order_by("name").values_list("name", flat=True)[:3]),
    )


def going_over() -> str:
    """Return, in words, how many contacts will go over as soon as there is a connection."""
    return _in_words(threshold_preview.going_at_each()[Policy.current().threshold])


def _own(user: User, threshold: int) -> str:
    warm = Contact.objects.filter(owner=user, warmness_score__in=range(threshold, WARMEST + 1))
    number = warm.filter(pipedrive_person_id=None)[: MOST + 1].count()
    return f"more than {MOST:,} contacts" if number > MOST else _in_words(number)


def _in_words(number: int) -> str:
    return f"{number:,} contact{'' if number == 1 else 's'}"
