"""Claims, and what waits at the desk. A list never names an illness: only the answer on one claim does, to the worker
and to whoever handles it, and it reads it in the log."""

from enum import Enum
from typing import Final
from uuid import UUID

from services.aid import refusals
from services.aid.answers.concerned import must_concern, pools_of, rules_of
from services.aid.domain.claim import CLAIM
from services.aid.explaining import explained, turned_down
from services.aid.queues import Queues
from services.aid.rules import Rulebook
from services.aid.views import ClaimRow, Claims
from shared.people import unions_of
from shared.runtime.queries import Asked
from shared.schemas.aid import (
    Assessment,
    Bill,
    ClaimAnswer,
    ClaimFiled,
    DeskAnswer,
    Document,
    FindClaims,
    ShowClaim,
    ShowDesk,
    Waits,
)
from shared.schemas.ids import MemberId, UnionId
from shared.schemas.messages import Role
from shared.schemas.personal import Personal

__all__ = ["find_claims", "show_claim", "show_desk", "under_way"]


SHOWN: Final = 100
"""Claims of each of the desk's lists: what a person can look through, and a message holds."""
AT_THE_DESK: Final = (
    Waits.DOCUMENTS,
    Waits.INVOICES,
    Waits.ASSESSMENT,
    Waits.REVIEW,
    Waits.APPROVAL,
    Waits.INSTRUCTION,
    Waits.SUCCESSOR,
)


class Sight(Enum):
    """How much of a claim somebody is shown."""

    ALL = "all"
    """The worker's own, and whoever handles it."""
    MONEY = "money"
    """Bill and assessment, without the illness: the cadre who filed it."""
    STANDING = "standing"
    """Where it stands, and the amount: any other cadre of the union, and whoever runs the system."""


def _sight(row: ClaimRow, asked: Asked) -> Sight:
    if asked.actor.role is Role.OFFICER or asked.actor.id == str(row.member_id):
        return Sight.ALL
    return Sight.MONEY if asked.actor.role is Role.CADRE and asked.actor.id == row.filed_by else Sight.STANDING


async def show_claim(query: ShowClaim, asked: Asked) -> ClaimAnswer:
    rules = await rules_of(asked)
    row = await asked.read_models.one(Claims, query.claim_id)
    if row is None or row.pool not in pools_of(rules, asked.federation):
        raise refusals.UNKNOWN_CLAIM()
    if not (asked.actor.role is Role.CADRE and asked.actor.id == row.filed_by):
        await must_concern(row.member_id, asked)
    sight = _sight(row, asked)
    answer = _answer(row, sight, asked)
    if sight is not Sight.ALL:
        return answer
    diagnosis, hospital = await _sealed(row, rules, asked)
    return answer.model_copy(update={"diagnosis": diagnosis, "hospital": hospital})


async def _sealed(row: ClaimRow, rules: Rulebook, asked: Asked) -> tuple[Personal[str] | None, Personal[str] | None]:
    """Diagnosis and hospital as they were filed; None where the worker was erased since."""
    events = await asked.opened(CLAIM, row.claim_id)
    filed = [event for event in events if isinstance(event, ClaimFiled)][-1]
    if not filed.diagnosis.is_clear:
        return None, None
    joined = None if filed.hospital_code is None else rules.hospital(filed.hospital_code)
    return filed.diagnosis, filed.hospital if joined is None else Personal(joined.name)


async def find_claims(query: FindClaims, asked: Asked) -> tuple[ClaimAnswer, ...]:
    members, unions = await _whose(query, asked)
    rows = await asked.read_models.some(
        Claims,
        "(member_id = any($1) or member_id in (select member_id from aid.workers where union_id = any($2)))"
        " and pool = any($3) and ($4::uuid is null or (filed_at, claim_id) < ("
        "select filed_at, claim_id from aid.claims where claim_id = $4)"
        ") order by filed_at desc, claim_id desc limit $5",
        members,
        unions,
        pools_of(await rules_of(asked), asked.federation),
        query.beyond,
        query.limit,
    )
    return tuple(_answer(row, _sight(row, asked), asked) for row in rows)


async def _whose(query: FindClaims, asked: Asked) -> tuple[list[MemberId], list[UnionId]]:
    """Of which members, and of the members of which unions. Refused."""
    role = asked.actor.role
    unions = await unions_of(asked.actor, asked.read_models)
    if role is Role.MEMBER and query.union_id is not None:
        raise refusals.NOT_CONCERNED()
    if role is Role.CADRE and query.union_id is not None and query.union_id not in unions:
        raise refusals.NOT_CONCERNED()
    if query.member_id is not None:
        await must_concern(query.member_id, asked)
    members = [] if query.member_id is None else [query.member_id]
    if members or query.union_id is not None:
        return members, [] if query.union_id is None else [query.union_id]
    match role:
        case Role.MEMBER:
            return [_own(asked)], []
        case Role.CADRE:
            return [], list(unions)
        case _:
            raise refusals.WHOSE_CLAIMS()


def _own(asked: Asked) -> MemberId:
    try:
        return MemberId(UUID(asked.actor.id))
    except ValueError:
        raise refusals.NOT_CONCERNED() from None


# The desk


async def under_way(asked: Asked) -> list[ClaimRow]:
    """What a federation took in, or its share of the fund bears, and is neither over nor on its way to the bank."""
    return await asked.read_models.some(
        Claims,
        "status = any($1) and live is null and $2 in (filed_in, county, pool)",
        list(Queues.OPEN),
        asked.federation,
    )


async def show_desk(query: ShowDesk, asked: Asked) -> DeskAnswer:
    queues = Queues(await rules_of(asked), await under_way(asked))

    def answers(*waits: Waits) -> tuple[ClaimAnswer, ...]:
        return tuple(_answer(row, _sight(row, asked), asked) for row in queues.of(*waits)[:SHOWN])

    return DeskAnswer(
        waiting=sum(len(queues.of(waits)) for waits in AT_THE_DESK),
        to_complete=answers(Waits.DOCUMENTS),
        to_assess=answers(Waits.ASSESSMENT, Waits.INVOICES),
        to_review=answers(Waits.REVIEW),
        to_approve=answers(Waits.APPROVAL),
        to_pay=answers(Waits.INSTRUCTION, Waits.SUCCESSOR),
    )


# From rows to answers


def _answer(row: ClaimRow, sight: Sight, asked: Asked) -> ClaimAnswer:
    shown = sight is not Sight.STANDING
    assessment = None if row.assessment is None or not shown else Assessment.model_validate_json(row.assessment)
    return ClaimAnswer(
        claim_id=row.claim_id,
        member_id=row.member_id,
        channel=row.channel,
        status=row.status,
        period=row.period,
        county=row.county,
        care=row.care,
        admitted_on=row.admitted_on,
        discharged_on=row.discharged_on,
        diagnosis=None,
        hospital=None,
        bill=Bill.model_validate_json(row.bill) if shown else None,
        assessment=assessment,
        why=_why(row, assessment),
        granted=row.granted,
        paid=row.paid,
        paid_on=row.paid_on,
        owed_back=row.owed_back,
        missing=tuple(Document(each) for each in row.missing),
        supply_by=row.act_by,
        conflicts=tuple(row.conflicts) if asked.actor.role is Role.OFFICER else (),
        ground=row.ground,
        clause=row.clause,
        filed_at=row.filed_at,
    )


def _why(row: ClaimRow, assessment: Assessment | None) -> tuple[str, ...]:
    steps = [] if assessment is None else list(explained(assessment))
    return (*steps, *(() if row.ground is None else (turned_down(row.ground),)))
