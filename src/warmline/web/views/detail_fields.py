"""Where details of contacts go in Pipedrive, for admins."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from warmline.sync.status import detail_choices
from warmline.web.forms.detail_fields import DetailFieldsForm
from warmline.web.requests import PageRequest, admins_only


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def detail_fields(request: PageRequest) -> HttpResponse:
    """Show and choose the fields of Pipedrive's for details of contacts."""
    form = DetailFieldsForm(request.POST or None)
    if form.is_valid():
        sent = form.save()
        going = f" {sent:,} contact{' is' if sent == 1 else 's are'} being sent, after what people wait for."
        messages.success(request, f"Saved.{going if sent else ''}")
        return redirect("web:detail-fields")
    are_loaded = detail_choices.offered("note") is not None
    return render(
        request,
        "web/settings/details.html",
        {"form": form, "are_loaded": are_loaded, "wrong": detail_choices.wrong()},
    )
