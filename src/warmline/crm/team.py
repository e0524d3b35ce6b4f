"""Who is on the team, with which rights: members are invited, and deactivated instead of deleted.

A team always keeps an admin who is active, or nobody could let anybody in again.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from warmline.crm import book, imports
from warmline.crm.models import Contact
from warmline.crm.tokens import ApiToken
from warmline.crm.users import User

NO_ADMIN = "A program cannot be an admin. Give its token the rights that it needs."
LAST_ADMIN = "This is the only admin on the team. Make someone else an admin first."


def change_member(member: User, **changes: Any) -> None:
    """Change a member.

    Args:
        member: The row, as read.
        changes: Of name, time_zone, is_admin, is_active, pipedrive_user_id and password (its hash).

    Raises:
        ValidationError: When a field is not valid, or no active admin would be left; nothing is written then.
    """
    for name, value in changes.items():
        setattr(member, name, value)
    member.clean_fields(exclude={"email", "email_key", "password"})
    if member.is_machine and member.is_admin:
        raise ValidationError(NO_ADMIN)
    with transaction.atomic():
        # All admins are held, so that two of them cannot take each other's rights at the same moment.
        if _active_admins(held=True) == {member.pk} and not (member.is_admin and member.is_active):
            raise ValidationError(LAST_ADMIN)
        member.save(update_fields=list(changes))


def deactivate(member: User, heir: User | None) -> int:
    """Keep a member out from now on, for good: nothing that let them in before does so again.

    Args:
        member: Whose sessions, password, one-time links and API tokens end here.
        heir: Whose the contacts and imports become; None leaves the contacts where they are and ends the imports.

    Returns:
        How many contacts were handed over.

    Raises:
        ValidationError: When no active admin would be left; nothing is written then.
    """
    if _active_admins(held=False) == {member.pk}:
        raise ValidationError(LAST_ADMIN)
    # While they are still in, because it may be cut off; then the same is done again.
    theirs = Contact.objects.filter(owner=member)
    handed = book.hand_over(theirs, heir) if heir else 0
    with transaction.atomic():
        member.set_unusable_password()  # sessions and one-time links are signed with the password
        change_member(member, is_active=False, password=member.password)
        ApiToken.objects.filter(user=member).delete()
        imports.leave(member, heir)
        if heir:
            handed += book.hand_over(theirs, heir)  # what they added meanwhile
    if heir is None:
        imports.end(member)
    return handed


def _active_admins(*, held: bool) -> set[int]:
    users = User.objects.select_for_update() if held else User.objects.all()
    return set(users.filter(is_admin=True, is_active=True).values_list("pk", flat=True))


def let_in_again(member: User) -> None:
    """Undo `deactivate`, but for what ended with it: the member needs a one-time link, as when invited.

    Args:
        member: Who was deactivated.
    """
    change_member(member, is_active=True)
