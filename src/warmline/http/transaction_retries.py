"""Does a request again whose transaction was undone because it met another one: a deadlock, or a serialization failure.

Of two transactions that wait for each other PostgreSQL undoes one, at any moment and through nobody's fault. Nothing of
it was written, so the view is simply called again. What works in loops (engine, imports, sweeps) comes back by itself.
"""

import logging
import random
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from warmline import storage

log = logging.getLogger(__name__)

PAUSES = (0.02, 0.1, 0.3)  # seconds before each further try, spread so that the two do not meet again


class TryAgain:
    """A middleware of Django's; the last one, so that it hears of what a view raises before any other.

    Args:
        get_response: The next one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request."""
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Call the view again; None when its failure is another one, or stays."""
        found = request.resolver_match
        if found is None or not storage.is_passing(exception):
            return None
        for pause in PAUSES:
            log.warning("request.tried_again path=%s error=%s", request.path_info, exception)
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 (spreads waits, hides nothing)
            for _, files in request.FILES.lists():
                for file in files:
                    file.seek(0)  # the first try may have read it
            try:
                answer: HttpResponseBase = found.func(request, *found.args, **found.kwargs)
            except Exception as error:
                if not storage.is_passing(error):
                    raise
            else:
                return answer
        return None
