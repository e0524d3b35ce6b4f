"""The calls about the audit: whether both sides agree, and comparing them now."""

from ninja import Query, Router, Status

from warmline.api import reading
from warmline.api.audit_responses import AuditAnswer, AuditCounts, AuditItem
from warmline.api.auth import Request, require_admin
from warmline.api.errors import READING, WRITING, RefusedError
from warmline.api.list_queries import AuditFilters
from warmline.crm.users import User
from warmline.sync import credentials
from warmline.sync.audit_models import AuditState
from warmline.sync.status import audit_choices
from warmline.sync.status.audit_result import counts, findings, latest

router = Router(tags=["audit"])


@router.get("/audit", response={200: AuditAnswer, **READING}, summary="Show the latest audit and its problems")
def read_audit(request: Request, filters: Query[AuditFilters]) -> AuditAnswer:
    """Whether both sides agree, as it was found last. Problems come in the order in which they were found."""
    return _answer(request.auth, filters.limit, filters.cursor or 0)


@router.post("/audit", response={202: AuditAnswer, **WRITING}, summary="Begin an audit")
def begin_audit(request: Request) -> Status[AuditAnswer]:
    """Everything is compared with Pipedrive, from API tokens that are left over. An audit that pauses goes on."""
    require_admin(request)
    if not credentials.token():
        raise RefusedError(409, "not_connected", "Pipedrive is not connected. Enter an API token on the Settings page.")
    if not audit_choices.begin():
        raise RefusedError(409, "running", "An audit is running already. `GET /api/audit` shows when it is done.")
    return Status(202, _answer(request.auth, AuditFilters.model_fields["limit"].default, 0))


def _answer(user: User, limit: int, after: int) -> AuditAnswer:
    result = latest(user)
    items, next_ = reading.cut(findings(user).filter(pk__gt=after), limit)
    return AuditAnswer(
        state=result.state if result else AuditState.NEVER,
        started_at=result.started_at if result else None,
        finished_at=result.finished_at if result else None,
        message=result.message if result else "",
        compared=result.compared if result else 0,
        problems=AuditCounts(**{problem.value: number for problem, number in counts(user).items()}),
        items=[AuditItem.of(row) for row in items],
        next=next_,
    )
