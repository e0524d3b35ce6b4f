"""How long it is kept what was told to whom."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from warmline.webhooks.models import Delivery, DeliveryState

KEPT = timedelta(days=30)


def outdated(now: datetime) -> QuerySet[Delivery]:
    """Return the deliveries that were kept for long enough; what still waits is none.

    Args:
        now: Tells how old they are.
    """
    done = Delivery.objects.exclude(state=DeliveryState.WAITING)
    return done.filter(created_at__lt=now - KEPT).order_by("created_at")
