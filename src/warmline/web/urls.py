"""Where each page is. Addresses are nouns without a slash at the end."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import RedirectView

from warmline.web.views import (
    account,
    contacts,
    imports,
    live,
    notifications,
    organizations,
    profile,
    settings,
    sync,
    team,
)

app_name = "web"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="web:contacts"), name="home"),
    path("contacts", contacts.contacts, name="contacts"),
    path("organizations", organizations.organizations, name="organizations"),
    path("sync", sync.overview, name="sync"),
    path("sync/retry", sync.retry, name="sync-retry"),
    path("sync/failed/<kind>", sync.failed, name="sync-failed"),
    path("notifications", notifications.notifications, name="notifications"),
    path("events", live.events, name="events"),
    path("badges", live.badges, name="badges"),
    path("toasts", live.show_toasts, name="toasts"),
    path("import", imports.begin, name="import"),
    path("import/<int:run_id>", imports.run, name="import-run"),
    path("import/<int:run_id>/columns", imports.match, name="import-columns"),
    path("import/<int:run_id>/start", imports.start, name="import-start"),
    path("import/<int:run_id>/discard", imports.discard, name="import-discard"),
    path("import/<int:run_id>/rejected.csv", imports.rejected, name="import-rejected"),
    path("settings", settings.pipedrive, name="settings"),
    path("settings/disconnect", settings.disconnect, name="disconnect"),
    path("settings/ask", settings.ask, name="ask-account"),
    path("settings/warm-leads", settings.rules, name="rules"),
    path("settings/team", team.members, name="team"),
    path("settings/team/invitation", team.invitation, name="invite"),
    path("settings/team/<int:user_id>", team.member, name="member"),
    path("settings/team/<int:user_id>/link", team.link, name="member-link"),
    path("settings/team/<int:user_id>/leave", team.leave, name="member-leave"),
    path("settings/team/<int:user_id>/return", team.return_, name="member-return"),
    path("profile", profile.profile, name="profile"),
    path("profile/tokens", profile.make_token, name="make-token"),
    path("profile/tokens/<int:token_id>/revoke", profile.revoke_token, name="revoke-token"),
    path("sign-in", account.SignIn.as_view(), name="sign-in"),
    path("sign-out", login_not_required(LogoutView.as_view()), name="sign-out"),
    path("password", account.ChangePassword.as_view(), name="password"),
    path("password/new", account.ResetPassword.as_view(), name="reset"),
    path("password/sent", account.ResetSent.as_view(), name="reset-sent"),
    path("one-time/<uidb64>/<token>", account.OneTime.as_view(), name="one-time"),
    path("welcome", account.welcome, name="welcome"),
]
