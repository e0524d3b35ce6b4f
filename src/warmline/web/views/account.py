"""Signing in and out, and passwords: Django's views with our forms and templates."""

from contextlib import suppress
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.messages.views import SuccessMessageMixin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django.views.generic import FormView

from warmline.crm.advisory_locks import hold_alone
from warmline.crm.guess_limits import TooManyGuessesError
from warmline.crm.uniqueness import TakenError, told_if_taken
from warmline.crm.users import User
from warmline.web import kept_forms
from warmline.web.access import guess_checks
from warmline.web.access.invitations import LINKS, send_new_link, sends_email
from warmline.web.forms.sign_in import GUESSED, ChangePasswordForm, NewPasswordForm, ResetForm, SignInForm, WelcomeForm
from warmline.web.kept_forms import KeptForm


@method_decorator(login_not_required, name="dispatch")
class SignIn(views.LoginView):
    """Sign in with e-mail and password, and return to the page that was requested."""

    form_class = SignInForm
    template_name = "web/account/sign_in.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show or take the form; who has signed in in another tab meanwhile gets on with what they typed."""
        if request.method == "POST" and isinstance(request.user, User):
            return self._onwards(request.user, HttpResponseRedirect(self.get_success_url()))
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Keep what was typed before the session ended, however many passwords are tried."""
        return {**super().get_context_data(**kwargs), "kept": self.request.POST.get(kept_forms.NAME, "")}

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in, remember the browser, and lead back to what was typed."""
        user = form.get_user()
        response = self._onwards(user, super().form_valid(form))
        guess_checks.remember(self.request, response, user)
        return response

    def _onwards(self, user: User, otherwise: HttpResponse) -> HttpResponse:
        kept = KeptForm.read(self.request.POST.get(kept_forms.NAME, ""))
        if kept is None:
            return otherwise
        if not kept.is_of(user):
            messages.warning(self.request, "Somebody else was signed in before. What they entered was not saved.")
            return otherwise
        return redirect(kept_forms.put_aside(self.request, kept))


class ChangePassword(SuccessMessageMixin, views.PasswordChangeView):  # type: ignore[type-arg]  # generic in the stubs only
    """Change one's own password, which ends one's other sessions."""

    form_class = ChangePasswordForm
    template_name = "web/account/change_password.html"
    success_url = reverse_lazy("web:home")
    success_message = "Password changed. You are signed out in all other browsers."

    def get_form_kwargs(self) -> dict[str, Any]:
        """Pass the request to the form, for throttling."""
        return {**super().get_form_kwargs(), "request": self.request}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Change it, and remember the browser; all others are forgotten."""
        response = super().form_valid(form)
        guess_checks.remember(self.request, response, form.user)
        return response


@method_decorator(login_not_required, name="dispatch")
class ResetPassword(FormView):  # type: ignore[type-arg]  # generic in the stubs only
    """Request a one-time link by e-mail; if no e-mail is sent, the page says whom to ask."""

    form_class = ResetForm
    template_name = "web/account/reset_password.html"
    success_url = reverse_lazy("web:reset-sent")
    extra_context = {"sends_email": sends_email}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Send the link, if links are sent by e-mail."""
        return super().post(request, *args, **kwargs) if sends_email() else self.get(request, *args, **kwargs)

    def form_valid(self, form: ResetForm) -> HttpResponse:
        """Send a link unless too many were requested; the answer does not reveal whether there is such a user."""
        email = form.cleaned_data["email"]
        with suppress(TooManyGuessesError):
            asked = guess_checks.at_mailbox(self.request, email)
            for user in form.get_users(email):
                send_new_link(user, failed=asked.forget)
        return super().form_valid(form)


@method_decorator(login_not_required, name="dispatch")
class ResetSent(views.PasswordResetDoneView):
    """Confirms the request, whether or not there is such a user."""

    template_name = "web/account/reset_sent.html"


@method_decorator(login_not_required, name="dispatch")
class OneTime(views.PasswordResetConfirmView):
    """The page of a one-time link: set a password and be signed in."""

    form_class = NewPasswordForm
    template_name = "web/account/one_time.html"
    token_generator = LINKS
    success_url = reverse_lazy("web:home")
    post_reset_login = True

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form, or that the link is invalid; invalid links count as guesses."""
        response = super().dispatch(*args, **kwargs)
        if not self.validlink and not isinstance(response, HttpResponseRedirect):  # a valid link redirects to its form
            guess_checks.at_secret(self.request, "link", kwargs["uidb64"])
        return cast("HttpResponse", response)

    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password, sign in, and remember the browser."""
        response = super().form_valid(form)
        guess_checks.remember(self.request, response, cast("User", form.user))
        return response

    def get_user(self, uidb64: str) -> User | None:
        """Return the user of the link; None for a deactivated user."""
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and user.is_active else None


@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """Create the first admin of a new installation, with the code that `serve` printed; 404 afterwards."""
    if User.objects.exists():
        raise Http404
    form = WelcomeForm(request.POST or None)
    if form.is_valid():
        answer = redirect("web:home")
        # If the button is pressed twice, the second request finds the admin created, even at the same moment.
        user = None
        with suppress(TakenError), told_if_taken(), transaction.atomic():
            hold_alone("the first admin")
            user = None if User.objects.exists() else form.save()
        if user:
            login(request, user)
            guess_checks.remember(request, answer, user)
        return answer
    if form.has_error("code", GUESSED):
        guess_checks.at_secret(request, "code", "first admin")
    return render(request, "web/account/welcome.html", {"form": form})
