"""The calls about webhooks: who is told what happens. Only admins have a say in it."""

from ninja import Router, Status

from warmline.api import reading
from warmline.api.auth import Request, require_admin
from warmline.api.bodies import Id, NewWebhook
from warmline.api.errors import READING, WRITING
from warmline.api.responses import NewWebhookAnswer, WebhookAnswer, WebhooksAnswer
from warmline.webhooks import endpoints
from warmline.webhooks.models import Endpoint

router = Router(tags=["webhooks"])


@router.get("/webhooks", response={200: WebhooksAnswer, **READING}, summary="List webhooks")
def list_webhooks(request: Request) -> WebhooksAnswer:
    """All of the team's, by id. The page Settings, Webhooks shows what was delivered to each."""
    require_admin(request)
    return WebhooksAnswer(items=[WebhookAnswer.of(row) for row in Endpoint.objects.order_by("pk")])


@router.post("/webhooks", response={201: NewWebhookAnswer, **WRITING}, summary="Add a webhook")
def add_webhook(request: Request, body: NewWebhook) -> Status[NewWebhookAnswer]:
    """From now on, the events are sent to the address, signed with the secret, which is shown only in this answer.

    The signatures are those of Standard Webhooks (https://www.standardwebhooks.com).
    """
    require_admin(request)
    endpoint, secret = endpoints.add(body.url, body.events)
    return Status(201, NewWebhookAnswer(**dict(WebhookAnswer.of(endpoint)), secret=secret))


@router.delete("/webhooks/{id}", response={204: None, **WRITING}, summary="Delete a webhook")
def delete_webhook(request: Request, id: Id) -> Status[None]:
    """Nothing more is sent to it; what was sent is forgotten."""
    require_admin(request)
    if not Endpoint.objects.filter(pk=id).delete()[0]:
        raise reading.missing(Endpoint, "id")
    return Status(204, None)
