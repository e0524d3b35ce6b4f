"""The team's settings, for admins: the connection with Pipedrive, and what goes there how."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from warmline.crm import preferences
from warmline.sync import connecting, connection, credentials, thresholds, wake
from warmline.web.requests import PageRequest, admins_only
from warmline.web.settings_forms import ConnectForm, RulesForm


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
@sensitive_post_parameters("token")
@sensitive_variables("token")
def pipedrive(request: PageRequest) -> HttpResponse:
    """Show how Warmline is connected, and connect it with the token that was pasted."""
    before = connecting.known().me
    form = ConnectForm(request.POST or None)
    if form.is_valid() and not credentials.is_from_environment():
        try:
            me = connecting.connect(form.cleaned_data["token"])
        except connecting.CannotConnectError as error:
            form.add_error("token", str(error))
        else:
            company = f" of {me.company_name}" if me.company_name else ""
            messages.success(request, f"Pipedrive is connected, as {me.name}{company}. What waits goes there now.")
            if before and before.company_domain != me.company_domain:
                messages.warning(
                    request,
                    f"Before, it was another company's ({before.company_name}). Contacts that are linked still "
                    "mean the records there; ask whoever set up Warmline before you go on.",
                )
            return redirect("web:settings")
    context = {
        "form": form,
        "status": connection.status(),
        "account": connecting.known(),
        "from_environment": credentials.is_from_environment(),
        "has_token": bool(credentials.token()),
        "is_unreadable": credentials.is_unreadable(),
    }
    return render(request, "web/settings/pipedrive.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def disconnect(request: PageRequest) -> HttpResponse:
    """Ask whether the token is to be forgotten, and forget it."""
    if request.method == "POST":
        connecting.disconnect()
        messages.success(request, "Pipedrive is disconnected. Contacts and activities wait here from now on.")
        return redirect("web:settings")
    return render(request, "web/settings/disconnect.html")


@require_POST
@admins_only
def ask(request: PageRequest) -> HttpResponse:
    """Ask Pipedrive anew what the account is made of, and go back to where that was wanted."""
    problem = connecting.ask()
    if problem:
        messages.error(request, problem)
    else:
        messages.success(request, "Pipedrive told what the account is made of.")
    pages = {"rules": "web:rules", "team": "web:team"}
    return redirect(pages.get(request.POST.get("page", ""), "web:settings"))


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def rules(request: PageRequest) -> HttpResponse:
    """Show and decide what is warm, and what goes to Pipedrive how."""
    effects = thresholds.effects(preferences.current().threshold)
    types = connecting.known().types
    form = RulesForm(request.POST or None, effects=effects, types=types)
    if form.is_valid():
        form.save()
        wake.after_commit()
        messages.success(request, "Saved. It holds from now on.")
        return redirect("web:rules")
    return render(request, "web/settings/rules.html", {"form": form, "types": types})
