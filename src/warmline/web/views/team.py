"""The team, for admins: the list, invitations, roles, deactivating and reactivating."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from warmline.crm import team
from warmline.crm.keys import email_key
from warmline.crm.models import Contact
from warmline.crm.uniqueness import TakenError, told_if_taken
from warmline.crm.users import User
from warmline.sync.remote import setup
from warmline.web.access.invitations import invite, one_time_link
from warmline.web.forms.team_and_profile import HeirForm, InviteForm, MemberForm
from warmline.web.public_address import PUBLIC_ADDRESS
from warmline.web.requests import PageRequest, admins_only

PAGE_SIZE = 50


@require_safe
@admins_only
def members(request: PageRequest) -> HttpResponse:
    """List the team, deactivated members last."""
    users = setup.known().users
    page = Paginator(User.objects.order_by("-is_active", "name", "pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    by_id, by_email = {user.id: user.name for user in users or ()}, {email_key(user.email) for user in users or ()}
    for member in page:
        member.in_pipedrive = by_id.get(member.pipedrive_user_id or 0, "")  # type: ignore[attr-defined]  # for the page
        member.is_found = email_key(member.email) in by_email  # type: ignore[attr-defined]
    return render(request, "web/team/list.html", {"page": page, "users": users})


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def invitation(request: PageRequest) -> HttpResponse:
    """Invite a colleague, by e-mail or with a link for the admin to pass on."""
    form = InviteForm(request.POST or None)
    if not form.is_valid():
        return render(request, "web/team/invite.html", {"form": form})
    try:
        with told_if_taken(), transaction.atomic():
            member = form.save()
    except TakenError as error:  # another admin invited the same person at this moment
        form.add_error(None, error)
        return render(request, "web/team/invite.html", {"form": form})
    return _invited(request, member)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def member(request: PageRequest, user_id: int) -> HttpResponse:
    """Show a member, and change their role or their Pipedrive user."""
    found = get_object_or_404(User, pk=user_id)
    users = setup.known().users
    form = MemberForm(request.POST or None, member=found, users=users)
    if form.is_valid():
        try:
            team.change_member(found, **form.values())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"{found.name} saved.")
            return redirect("web:team")
    context = {
        "member": get_object_or_404(User, pk=user_id),
        "form": form,
        "users": users,
        "leaving": HeirForm(member=found),
        "contacts": Contact.objects.filter(owner=found).count(),
    }
    return render(request, "web/team/member.html", context)


@require_POST
@admins_only
def link(request: PageRequest, user_id: int) -> HttpResponse:
    """Create a one-time link for a member, and show it once."""
    found = get_object_or_404(User.objects.people(), pk=user_id)  # a program signs in nowhere
    link = PUBLIC_ADDRESS.whole(one_time_link(found))
    return render(request, "web/team/link.html", {"member": found, "link": link})


@require_POST
@admins_only
def leave(request: PageRequest, user_id: int) -> HttpResponse:
    """Deactivate a member, and hand over their contacts and imports."""
    found = get_object_or_404(User, pk=user_id)
    form = HeirForm(request.POST, member=found)
    if not form.is_valid():
        messages.error(request, "Choose a colleague from the list, or nobody.")
        return redirect("web:member", user_id)
    heir = form.cleaned_data["heir"]
    try:
        number = team.deactivate(found, heir)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("web:member", user_id)
    handed = f" {number:,} contact{'' if number == 1 else 's'} handed over to {heir.name}." if heir else ""
    messages.success(request, f"{found.name} can no longer sign in.{handed}")
    return redirect("web:team")


@require_POST
@admins_only
def return_(request: PageRequest, user_id: int) -> HttpResponse:
    """Reactivate a member, with a one-time link as for an invitation."""
    found = get_object_or_404(User, pk=user_id, is_active=False)
    team.let_in_again(found)
    return _invited(request, found)


def _invited(request: PageRequest, member: User) -> HttpResponse:
    """Send a member a one-time link by e-mail, or show it to the admin once."""
    link = invite(member)
    if link is None:
        messages.success(request, f"Invitation sent to {member.email}.")
        return redirect("web:team")
    return render(request, "web/team/link.html", {"member": member, "link": link, "is_new": True})
