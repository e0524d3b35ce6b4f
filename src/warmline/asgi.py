"""The web application, as an ASGI server such as uvicorn loads it."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "warmline.settings")
django = get_asgi_application()

from django.conf import settings  # noqa: E402 (Django is ready by now)

from warmline.http.body_limit import BodyLimit  # noqa: E402 (as above)
from warmline.http.forwarded import Forwarded  # noqa: E402 (as above)
from warmline.http.pipedrive_webhooks import ReportDoor  # noqa: E402 (as above)
from warmline.http.request_queues import AdmissionControl  # noqa: E402 (as above)
from warmline.http.stream_responses import Streams  # noqa: E402 (as above)
from warmline.http.unreadable import Unreadable  # noqa: E402 (as above)

application = Forwarded(ReportDoor(Streams(AdmissionControl(BodyLimit(Unreadable(django))))), settings.PROXIES)
