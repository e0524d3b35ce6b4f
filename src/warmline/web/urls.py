"""Where each page is. Addresses are nouns without a slash at the end."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import RedirectView

from warmline.web.views import account, contacts, imports, organizations, profile, settings, sync

app_name = "web"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="web:contacts"), name="home"),
    path("contacts", contacts.contacts, name="contacts"),
    path("organizations", organizations.organizations, name="organizations"),
    path("sync", sync.overview, name="sync"),
    path("import", imports.begin, name="import"),
    path("settings", settings.overview, name="settings"),
    path("profile", profile.profile, name="profile"),
    path("sign-in", account.SignIn.as_view(), name="sign-in"),
    path("sign-out", login_not_required(LogoutView.as_view()), name="sign-out"),
    path("password", account.ChangePassword.as_view(), name="password"),
    path("password/new", account.ResetPassword.as_view(), name="reset"),
    path("password/sent", account.ResetSent.as_view(), name="reset-sent"),
    path("one-time/<uidb64>/<token>", account.OneTime.as_view(), name="one-time"),
    path("welcome", account.welcome, name="welcome"),
]
