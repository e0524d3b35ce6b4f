"""Signing in and out, and passwords: Django's views with our forms and templates."""

from contextlib import suppress
from typing import Any, cast

from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.messages.views import SuccessMessageMixin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django.views.generic import FormView

from warmline.crm.exclusive import alone
from warmline.crm.throttling import TooManyGuessesError
from warmline.crm.uniqueness import TakenError, told_if_taken
from warmline.crm.users import User
from warmline.web import throttling
from warmline.web.forms import GUESSED, ChangePasswordForm, NewPasswordForm, ResetForm, SignInForm, WelcomeForm
from warmline.web.invitations import LINKS, send_new_link, sends_email


class SignIn(views.LoginView):
    """By e-mail and password; back to where one wanted to go."""

    form_class = SignInForm
    template_name = "web/account/sign_in.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in, and know the browser from now on."""
        response = super().form_valid(form)
        throttling.remember(self.request, response, form.get_user())
        return response


class ChangePassword(SuccessMessageMixin, views.PasswordChangeView):  # type: ignore[type-arg]  # generic in the stubs only
    """One's own, knowing the present one. It ends one's other sessions."""

    form_class = ChangePasswordForm
    template_name = "web/account/change_password.html"
    success_url = reverse_lazy("web:home")
    success_message = "Password changed. You are signed out in all other browsers."

    def get_form_kwargs(self) -> dict[str, Any]:
        """Tell the form who asks, from where."""
        return {**super().get_form_kwargs(), "request": self.request}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Change it; of the places that were familiar, this one stays so."""
        response = super().form_valid(form)
        throttling.remember(self.request, response, form.user)
        return response


@method_decorator(login_not_required, name="dispatch")
class ResetPassword(FormView):  # type: ignore[type-arg]  # generic in the stubs only
    """Ask for a one-time link by e-mail; where none is sent, the page says whom to ask."""

    form_class = ResetForm
    template_name = "web/account/reset_password.html"
    success_url = reverse_lazy("web:reset-sent")
    extra_context = {"sends_email": sends_email}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Send the link, where links are sent."""
        return super().post(request, *args, **kwargs) if sends_email() else self.get(request, *args, **kwargs)

    def form_valid(self, form: ResetForm) -> HttpResponse:
        """Send a link, unless enough were asked for lately; say the same whether there is such a user or not."""
        email = form.cleaned_data["email"]
        with suppress(TooManyGuessesError):
            asked = throttling.at_mailbox(self.request, email)
            for user in form.get_users(email):
                send_new_link(user, failed=asked.forget)
        return super().form_valid(form)


@method_decorator(login_not_required, name="dispatch")
class ResetSent(views.PasswordResetDoneView):
    """Says the same whether there is such a user or not."""

    template_name = "web/account/reset_sent.html"


@method_decorator(login_not_required, name="dispatch")
class OneTime(views.PasswordResetConfirmView):
    """Behind a one-time link: set a password and be signed in."""

    form_class = NewPasswordForm
    template_name = "web/account/one_time.html"
    token_generator = LINKS
    success_url = reverse_lazy("web:home")
    post_reset_login = True

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form, or that the link is not good; who tries many of these has to wait."""
        response = super().dispatch(*args, **kwargs)
        if not self.validlink and not isinstance(response, HttpResponseRedirect):  # a good one leads to its form
            throttling.at_secret(self.request, "link", kwargs["uidb64"])
        return cast("HttpResponse", response)

    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password, sign in, and know the browser from now on."""
        response = super().form_valid(form)
        throttling.remember(self.request, response, cast("User", form.user))
        return response

    def get_user(self, uidb64: str) -> User | None:
        """Return whose link it is; who was deactivated has none."""
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and user.is_active else None


@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """Make the first admin of a new installation, who knows the code that `serve` printed; gone afterwards."""
    if User.objects.exists():
        raise Http404
    form = WelcomeForm(request.POST or None)
    if form.is_valid():
        answer = redirect("web:home")
        # Whoever pressed the button twice finds the first one done, even at the same moment.
        user = None
        with suppress(TakenError), told_if_taken(), transaction.atomic():
            alone("the first admin")
            user = None if User.objects.exists() else form.save()
        if user:
            login(request, user)
            throttling.remember(request, answer, user)
        return answer
    if form.has_error("code", GUESSED):
        throttling.at_secret(request, "code", "first admin")
    return render(request, "web/account/welcome.html", {"form": form})
