"""Where each address leads, and how errors look that Django finds itself."""

from django.urls import path
from django.views.generic import RedirectView

from warmline.api import errors
from warmline.api.urls import api

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="api:openapi-view")),
    path("api/", api.urls),
]
handler400 = errors.bad_request
handler404 = errors.page_not_found
handler500 = errors.server_error
