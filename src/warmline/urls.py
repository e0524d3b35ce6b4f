"""The root URL conf: pages, API, and the handlers of errors that Django finds itself.

The handlers answer JSON for the API's addresses, and otherwise the pages 400.html, 404.html, 500.html of web/templates.
"""

from django.urls import include, path

from warmline.api.urls import api
from warmline.http import error_pages

urlpatterns = [
    path("api/", api.urls),
    path("", include("warmline.web.urls")),
]
handler400 = error_pages.bad_request
handler404 = error_pages.page_not_found
handler500 = error_pages.server_error
