"""The webhooks, for admins: who is told what, what was delivered, and what is sent again."""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from warmline.sync import credentials
from warmline.web.forms.base import WordedForm
from warmline.web.requests import PageRequest, admins_only
from warmline.webhooks import endpoints
from warmline.webhooks.models import URL_LENGTH, Delivery, Endpoint, Event

NEW = "new-webhook-secret"  # where the session keeps it, encrypted, until it is shown
ON_A_PAGE = 50


class WebhookForm(WordedForm, forms.Form):
    """A webhook to be added."""

    url = forms.CharField(label="Address", max_length=URL_LENGTH, widget=forms.URLInput)
    events = forms.MultipleChoiceField(label="Events", choices=Event.choices, widget=forms.CheckboxSelectMultiple)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def webhooks(request: PageRequest) -> HttpResponse:
    """Show the team's webhooks, and add one."""
    form = WebhookForm(request.POST or None)
    if form.is_valid():
        try:
            endpoint, secret = endpoints.add(form.cleaned_data["url"], form.cleaned_data["events"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            request.session[NEW] = credentials.encrypted(secret)
            return redirect("web:webhook", endpoint.pk)
    context = {"form": form, "endpoints": Endpoint.objects.order_by("pk")}
    return render(request, "web/webhooks/list.html", context)


@require_safe
@admins_only
def webhook(request: PageRequest, endpoint_id: int) -> HttpResponse:
    """Show a webhook, and what was delivered to it."""
    endpoint = get_object_or_404(Endpoint, pk=endpoint_id)
    page = Paginator(endpoint.deliveries.order_by("-pk"), ON_A_PAGE).get_page(request.GET.get("page"))
    secret = credentials.decrypted(request.session.pop(NEW, ""))
    context = {"endpoint": endpoint, "page": page, "secret": secret, "events": dict(Event.choices)}
    return render(request, "web/webhooks/webhook.html", context)


@require_POST
@admins_only
def switch(request: PageRequest, endpoint_id: int) -> HttpResponse:
    """Switch a webhook on or off."""
    endpoint = get_object_or_404(Endpoint, pk=endpoint_id)
    if request.POST.get("to") == "on":
        endpoints.switch_on(endpoint)
        messages.success(request, "Switched on. What happens from now on is sent.")
    else:
        endpoints.switch_off(endpoint, endpoints.BY_HAND)
        messages.success(request, "Switched off. Nothing is sent any more.")
    return redirect("web:webhook", endpoint.pk)


@require_POST
@admins_only
def delete(request: PageRequest, endpoint_id: int) -> HttpResponse:
    """Delete a webhook."""
    if Endpoint.objects.filter(pk=endpoint_id).delete()[0]:
        messages.success(request, "Webhook deleted.")
    return redirect("web:webhooks")


@require_POST
@admins_only
def send_again(request: PageRequest, delivery_id: int) -> HttpResponse:
    """Send something again."""
    delivery = get_object_or_404(Delivery.objects.select_related("endpoint"), pk=delivery_id)
    if delivery.endpoint.is_on:
        endpoints.send_again(delivery)
        messages.success(request, "It is sent again.")
    else:
        messages.error(request, "This webhook is switched off. Switch it on first.")
    return redirect("web:webhook", delivery.endpoint_id)
