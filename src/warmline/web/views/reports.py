"""The door for what Pipedrive's webhooks report. Open to nobody but Pipedrive, and quick whatever it brings.

Ten refused first attempts are a ban in which reports are lost, so whoever knows the password is answered with 200.
"""

from base64 import b64decode
from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from warmline.sync import reported_changes


@csrf_exempt
@login_not_required
@require_POST
def report(request: HttpRequest) -> HttpResponse:
    """Store a report. A wrong password gets 401, and nothing is written."""
    if not reported_changes.is_door_opened_by(*_given(request)):
        return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": 'Basic realm="Warmline"'})
    if int(request.META.get("CONTENT_LENGTH") or 0) > reported_changes.LONGEST:
        return HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    reported_changes.note(request.body)
    return HttpResponse(status=HTTPStatus.OK)


def _given(request: HttpRequest) -> tuple[str, str]:
    scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
    try:
        text = b64decode(pair.strip(), validate=True).decode()
    except ValueError:
        text = ""
    user, _, password = text.partition(":") if scheme.lower() == "basic" else ("", "", "")
    return user, password
