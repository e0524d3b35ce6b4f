"""Changes the members of the team and their rights. Members are deactivated, never deleted.

At least one active admin always remains, because otherwise nobody could invite or reactivate anyone.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from warmline.crm import book, calendar_feeds
from warmline.crm.imports import runs
from warmline.crm.models import Contact
from warmline.crm.tokens import ApiToken
from warmline.crm.users import User

NO_ADMIN = "A program cannot be an admin. Give its token the rights that it needs."
LAST_ADMIN = "This is the only admin on the team. Make someone else an admin first."


def change_member(member: User, **changes: Any) -> None:
    """Change a member.

    Args:
        member: The member, as read.
        changes: Any of name, time_zone, is_admin, is_active, pipedrive_user_id and password (its hash).

    Raises:
        ValidationError: If a field is not valid, or no active admin would be left; nothing is written then.
    """
    for name, value in changes.items():
        setattr(member, name, value)
    member.clean_fields(exclude={"email", "email_key", "password"})
    if member.is_machine and member.is_admin:
        raise ValidationError(NO_ADMIN)
    with transaction.atomic():
        # All admins are locked, so that two of them cannot remove each other's rights at the same moment.
        if _active_admins(held=True) == {member.pk} and not (member.is_admin and member.is_active):
            raise ValidationError(LAST_ADMIN)
        member.save(update_fields=list(changes))


def deactivate(member: User, heir: User | None) -> int:
    """Deactivate a member: their sessions, password, one-time links, API tokens and calendar stop working for good.

    Args:
        member: The member.
        heir: Takes over the contacts and imports; None leaves the contacts where they are and ends the imports.

    Returns:
        How many contacts were handed over.

    Raises:
        ValidationError: If no active admin would be left; nothing is written then.
    """
    if _active_admins(held=False) == {member.pk}:
        raise ValidationError(LAST_ADMIN)
    # Before deactivating, because this may be interrupted; then it can simply be repeated.
    theirs = Contact.objects.filter(owner=member)
    handed = book.hand_over(theirs, heir) if heir else 0
    with transaction.atomic():
        member.set_unusable_password()  # sessions and one-time links are signed with the password
        change_member(member, is_active=False, password=member.password)
        ApiToken.objects.filter(user=member).delete()
        calendar_feeds.end(member)
        runs.leave(member, heir)
        if heir:
            handed += book.hand_over(theirs, heir)  # contacts added in the meantime
    if heir is None:
        runs.end(member)
    return handed


def _active_admins(*, held: bool) -> set[int]:
    users = User.objects.select_for_update(no_key=True).order_by("pk") if held else User.objects.all()
    return set(users.filter(is_admin=True, is_active=True).values_list("pk", flat=True))


def let_in_again(member: User) -> None:
    """Reactivate a member, who then needs a one-time link, as after an invitation.

    Args:
        member: The deactivated member.
    """
    change_member(member, is_active=True)
