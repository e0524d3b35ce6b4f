"""The team's settings, for admins: the connection to Pipedrive, and the rules for what is sent."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from warmline import database_time
from warmline.crm import preferences
from warmline.pipedrive import User
from warmline.sync import company, credentials, wakeups
from warmline.sync.models import Company, ConnectionState
from warmline.sync.policy import Policy
from warmline.sync.remote import company_switch, connection_health, oauth_setup, report_subscriptions, setup
from warmline.sync.remote.doctor import ADVICE, examination
from warmline.sync.status import account_usage, threshold_preview
from warmline.web.forms.settings import ConnectForm, RulesForm
from warmline.web.presentation.first_steps import going_over
from warmline.web.requests import PageRequest, admins_only

TIME_TO_DECIDE = timedelta(hours=1)


@admins_only
@sensitive_post_parameters("token")
@sensitive_variables("token")
def pipedrive(request: PageRequest) -> HttpResponse:
    """Show the connection, and connect with the token that was entered."""
    form = ConnectForm(request.POST or None)
    if form.is_valid() and not credentials.is_from_environment():
        token = form.cleaned_data["token"]
        try:
            me = setup.connect(token)
        except setup.AnotherCompanyError as error:
            return ask_whether(request, error.ours, error.me, error.way_in)
        except setup.CannotConnectError as error:
            form.add_error("token", str(error))
        else:
            setup.ask()  # users and types, for the pages; what goes wrong with it stands on them
            messages.success(request, f"Connected to Pipedrive as {called(me)}. Waiting items are being sent.")
            return redirect("web:settings")
    status, ours = connection_health.status(), company.remembered()
    is_another = status.state == ConnectionState.ANOTHER_COMPANY
    context = {
        "form": form,
        "status": status,
        "advice": "" if is_another else ADVICE.get(status.state, ""),
        "account": setup.known(),
        "from_environment": credentials.is_from_environment(),
        "has_token": bool(credentials.token()),
        "is_unreadable": credentials.is_unreadable(),
        "is_another": is_another,
        "way_back": company.way_back(ours) if is_another and ours else "",
        "oauth": oauth_setup.shown(),
        "going": going_over() if status.state == ConnectionState.NO_TOKEN else "",
        "reports": report_subscriptions.shown(),
        "looks": account_usage.looks(database_time.now()),
    }
    return render(request, "web/settings/pipedrive.html", context)


@require_POST
@admins_only
@sensitive_post_parameters("token")
@sensitive_variables("token")
def check(request: PageRequest) -> HttpResponse:
    """Check the token that was entered, or the one in use, and show what was found. Nothing is stored."""
    token = "" if credentials.is_from_environment() else request.POST.get("token", "").strip()
    findings = list(examination(Policy.current(), token))
    context = {"findings": findings, "is_well": all(each.well for each in findings), "is_tried": bool(token)}
    return render(request, "web/settings/check.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
@sensitive_post_parameters("sealed")
@sensitive_variables("token")
def start_anew(request: PageRequest) -> HttpResponse:
    """Explain what starting over with another company means, and do it with the current token or a sealed one."""
    token = credentials.decrypted(request.POST.get("sealed", ""), good_for=TIME_TO_DECIDE)
    if "sealed" in request.POST and not token:
        messages.error(request, "The page was open for more than an hour. Enter the token again.")
        return redirect("web:settings")
    try:
        if request.method != "POST":
            return ask_whether(request, *setup.to_start_anew())
        me = setup.start_anew(token)
    except setup.CannotConnectError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Starting over, connected as {called(me)}. Warm contacts are being sent.")
    return redirect("web:settings")


def ask_whether(request: HttpRequest, ours: Company, me: User, token: str = "") -> HttpResponse:
    """Ask whether to go back or to start over; a token that is not stored yet is sent along encrypted."""
    context = {
        "told": company_switch.told_beforehand(ours, me),
        "new": company.name_of(me),
        "old": company.named(ours.name, ours.domain),
        "sealed": credentials.encrypted(token) if token else "",
        "way_back": company.way_back(ours),
    }
    return render(request, "web/settings/start_anew.html", context)


def called(me: User) -> str:
    """Return a user of Pipedrive, with the company, for people."""
    return f"{me.name} of {me.company_name}" if me.company_name else me.name


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def disconnect(request: PageRequest) -> HttpResponse:
    """Delete the token or revoke the grant, after confirmation."""
    if request.method == "POST":
        if problem := setup.disconnect():
            messages.warning(request, problem)
        messages.success(request, "Disconnected. Contacts and activities wait here until you connect again.")
        return redirect("web:settings")
    return render(request, "web/settings/disconnect.html", {"oauth": oauth_setup.shown()})


@require_POST
@admins_only
def ask(request: PageRequest) -> HttpResponse:
    """Load the account's users, activity types and fields from Pipedrive again; return to the page of the button."""
    problem = setup.ask()
    if problem:
        messages.error(request, problem)
    else:
        messages.success(request, "Users, activity types and fields loaded.")
    pages = {"rules": "web:rules", "team": "web:team", "details": "web:detail-fields"}
    return redirect(pages.get(request.POST.get("page", ""), "web:settings"))


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def rules(request: PageRequest) -> HttpResponse:
    """Show and change the rules: the threshold, the label, activity types and limits."""
    effects = threshold_preview.effects(preferences.current().threshold)
    types = setup.known().types
    form = RulesForm(request.POST or None, effects=effects, types=types)
    if form.is_valid():
        form.save()
        wakeups.after_commit()
        messages.success(request, "Saved.")
        return redirect("web:rules")
    return render(request, "web/settings/rules.html", {"form": form, "types": types})
