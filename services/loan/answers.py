"""What the loan answers, and to whom: a member about themselves, a cadre about members of their union, a bank about
what was sent to it, the federation about its own. Nobody looks into another federation."""

from collections.abc import Sequence
from typing import Any

from services.loan import account, refusals
from services.loan.account import overdue
from services.loan.borrowers import Borrowers, MemoryOfBorrowers, member_facts
from services.loan.domain.facts import LoanFacts
from services.loan.domain.line import LINE, Closed, Line
from services.loan.domain.publication import RATES, PublishedRates
from services.loan.handling import rulebook
from services.loan.means import Means, shown
from services.loan.rules import Rulebook
from services.loan.statement import statement
from services.loan.views import ApplicationRow, Applications, DrawRow, Draws, LineRow, Lines
from shared.people import unions_of
from shared.runtime.queries import Answers, Asked
from shared.schemas.ids import MemberId, UnionId
from shared.schemas.loan import (
    ApplicationAnswer,
    ApplicationStatus,
    ArrearsBand,
    BankWorkAnswer,
    CadreListAnswer,
    DrawTerms,
    EndorsedApplication,
    ExposureAnswer,
    ExposureRow,
    FindApplications,
    FindLines,
    LineAnswer,
    LineId,
    LineSummary,
    PendingDraw,
    QuoteRate,
    Rate,
    RateAnswer,
    ShowApplication,
    ShowBankWork,
    ShowCadreList,
    ShowExposure,
    ShowLine,
    ShowStatement,
    StatementAnswer,
    Tier,
)
from shared.schemas.messages import Query, Role

__all__ = ["ANSWERS"]

SETTLED = 1.0
"""Seconds that the answer on one line waits for the read models to have what the log has."""


# Applications


async def show_application(query: ShowApplication, asked: Asked) -> ApplicationAnswer:
    row = await asked.read_models.one(Applications, query.application_id)
    if row is None or row.federation != asked.federation:
        raise refusals.UNKNOWN_APPLICATION()
    if not await _may_see(asked, row.member_id, row.union_id, row.bank if row.sent_to_bank else None):
        raise refusals.NOT_CONCERNED()
    (means,) = await shown([row], asked)
    return _application(row, means)


async def find_applications(query: FindApplications, asked: Asked) -> tuple[ApplicationAnswer, ...]:
    _not_of_another(asked, query.member_id)
    rows = await asked.read_models.some(
        Applications,
        "member_id = $1 and federation = $2 order by filed_at desc, application_id desc",
        query.member_id,
        asked.federation,
    )
    return await _applications(
        [
            row
            for row in rows
            if await _may_see(asked, row.member_id, row.union_id, row.bank if row.sent_to_bank else None)
        ],
        asked,
    )


# Lines


async def show_line(query: ShowLine, asked: Asked) -> LineAnswer:
    row, state = await _line(query.line_id, asked)
    draws = await asked.read_models.some(Draws, "line_id = $1 order by draw_id", query.line_id)
    return account.answer(state, row.application_id, await _union_of(row, asked), draws, await _facts(asked, row))


async def find_lines(query: FindLines, asked: Asked) -> tuple[LineSummary, ...]:
    _not_of_another(asked, query.member_id)
    rows = await asked.read_models.some(
        Lines,
        "member_id = $1 and federation = $2 order by opened_at desc, line_id desc",
        query.member_id,
        asked.federation,
    )
    summaries = []
    for row in rows:
        union_id = await _union_of(row, asked)
        if await _may_see(asked, row.member_id, union_id, row.bank):
            summaries.append(_summary(row, union_id))
    return tuple(summaries)


async def show_statement(query: ShowStatement, asked: Asked) -> StatementAnswer:
    _, state = await _line(query.line_id, asked)
    line = state.line if isinstance(state, Closed) else state
    since, until = max(query.since or line.opened_on, line.opened_on), query.until or asked.today
    if since > until:
        raise refusals.STATEMENT_DAYS(since=since.isoformat(), until=until.isoformat())
    return statement(line, since, until)


async def quote_rate(query: QuoteRate, asked: Asked) -> RateAnswer:
    policy = (await _rules(asked)).at(asked.federation, asked.today)
    if query.tier not in {terms.tier for terms in policy.terms.tiers}:
        raise refusals.TIER_NOT_OFFERED(tier=query.tier.term)
    return RateAnswer(rate=Rate.model_validate(policy.rate(query.tier, query.months, asked.today)))


async def _line(line_id: LineId, asked: Asked) -> tuple[LineRow, Line | Closed]:
    """A line as its stream has it, where the asker may see it."""
    await asked.read_models.caught_up(SETTLED)
    row = await asked.read_models.one(Lines, line_id)
    if row is None or row.federation != asked.federation:
        raise refusals.UNKNOWN_LINE()
    if not await _may_see(asked, row.member_id, await _union_of(row, asked), row.bank):
        raise refusals.NOT_CONCERNED()
    state = await asked.repository.state(LINE, line_id)
    assert isinstance(state, Line | Closed)
    return row, state


# Lists


async def show_cadre_list(query: ShowCadreList, asked: Asked) -> CadreListAnswer:
    if asked.actor.role is Role.CADRE and query.union_id not in await unions_of(asked.actor, asked.read_models):
        raise refusals.NOT_YOUR_UNION()
    under_way = [ApplicationStatus.FILED, ApplicationStatus.RECOMMENDED, ApplicationStatus.ENDORSED]
    applications = await asked.read_models.some(
        Applications,
        "union_id = $1 and federation = $2 and status = any($3) order by filed_at, application_id",
        query.union_id,
        asked.federation,
        under_way,
    )
    lines = await asked.read_models.some(
        Lines,
        f"member_id in (select member_id from loan.{Borrowers.name} where union_id = $1) and federation = $2"
        " and status <> 'closed' order by opened_at, line_id",
        query.union_id,
        asked.federation,
    )
    answers = await _applications(applications, asked)
    return CadreListAnswer(
        union_id=query.union_id,
        to_recommend=tuple(answer for answer in answers if answer.status is ApplicationStatus.FILED),
        under_way=tuple(answer for answer in answers if answer.status is not ApplicationStatus.FILED),
        lines=tuple(_summary(row, query.union_id) for row in lines),
    )


async def show_bank_work(query: ShowBankWork, asked: Asked) -> BankWorkAnswer:
    if asked.actor.role is Role.BANK and asked.actor.id != query.bank:
        raise refusals.NOT_YOUR_BANK(bank=query.bank)
    to_decide = await asked.read_models.some(
        Applications,
        "bank = $1 and status = 'endorsed' and federation = $2 order by act_by, application_id",
        query.bank,
        asked.federation,
    )
    to_disburse = await asked.read_models.some(
        Draws,
        "bank = $1 and status = 'requested' and federation = $2 order by disburse_by, draw_id",
        query.bank,
        asked.federation,
    )
    return BankWorkAnswer(
        bank=query.bank,
        to_decide=tuple(map(_endorsed, to_decide, await shown(to_decide, asked))),
        to_disburse=tuple(_pending(row) for row in to_disburse),
    )


EXPOSURE = """
    select tier, case when overdue_since is null then 'current'
                      when $2 - overdue_since <= 30 then '1-30'
                      when $2 - overdue_since <= 60 then '31-60'
                      when $2 - overdue_since <= 90 then '61-90'
                      else '90+' end as arrears,
           count(*) as lines, sum("limit")::bigint as "limit", sum(used)::bigint as used,
           sum(pending)::bigint as pending,
           array_agg(line_id) filter (where overdue_since is not null) as late
    from loan.lines where federation = $1 and status <> 'closed' group by 1, 2
"""


async def show_exposure(_query: ShowExposure, asked: Asked) -> ExposureAnswer:
    """What is overdue is worked out from the streams of the lines in arrears, the rest summed up in the table."""
    records = await asked.read_models.pool.fetch(EXPOSURE, asked.federation, asked.today)
    rows = [
        ExposureRow(
            tier=None if record["tier"] is None else Tier(record["tier"]),
            arrears=ArrearsBand(record["arrears"]),
            lines=record["lines"],
            limit=record["limit"],
            used=record["used"],
            pending=record["pending"],
            overdue=sum([await _overdue(line_id, asked) for line_id in record["late"] or ()]),
        )
        for record in records
    ]
    tiers, bands = [*Tier, None], list(ArrearsBand)
    rows.sort(key=lambda row: (tiers.index(row.tier), bands.index(row.arrears)))
    return ExposureAnswer(
        on=asked.today,
        rows=tuple(rows),
        lines=sum(row.lines for row in rows),
        limit=sum(row.limit for row in rows),
        used=sum(row.used for row in rows),
        overdue=sum(row.overdue for row in rows),
    )


async def _overdue(line_id: LineId, asked: Asked) -> int:
    state = await asked.repository.state(LINE, line_id)
    return overdue(state.ledger(asked.today)) if isinstance(state, Line) else 0


# Who may see what


async def _may_see(asked: Asked, member_id: MemberId, union_id: UnionId, bank: str | None) -> bool:
    """Of something about a member of a union; `bank` is the one that has it."""
    match asked.actor.role:
        case Role.MEMBER:
            return asked.actor.id == str(member_id)
        case Role.CADRE:
            return union_id in await unions_of(asked.actor, asked.read_models)
        case Role.BANK:
            return asked.actor.id == bank
        case _:
            return True


def _not_of_another(asked: Asked, member_id: MemberId) -> None:
    if asked.actor.role is Role.MEMBER and asked.actor.id != str(member_id):
        raise refusals.NOT_CONCERNED()


async def _union_of(row: LineRow, asked: Asked) -> UnionId:
    """The union that the line's member is of now: it looks after the line."""
    memory: MemoryOfBorrowers = asked.resources
    borrower = await memory.row(row.member_id, asked.read_models)
    return row.union_id if borrower is None else borrower.union_id


async def _facts(asked: Asked, row: LineRow) -> LoanFacts:
    memory: MemoryOfBorrowers = asked.resources
    borrower = await memory.row(row.member_id, asked.read_models)
    return LoanFacts(
        now=asked.now,
        actor=asked.actor,
        federation=asked.federation,
        rulebook=await _rules(asked),
        member=None if borrower is None else member_facts(borrower, asked.today),
    )


async def _rules(asked: Asked) -> Rulebook:
    published: PublishedRates = await asked.repository.state(RATES, asked.federation)
    return rulebook(published)


# From rows to answers


async def _applications(rows: Sequence[ApplicationRow], asked: Asked) -> tuple[ApplicationAnswer, ...]:
    return tuple(map(_application, rows, await shown(rows, asked)))


def _application(row: ApplicationRow, means: Means) -> ApplicationAnswer:
    return ApplicationAnswer(
        application_id=row.application_id,
        member_id=row.member_id,
        household_id=row.household_id,
        union_id=row.union_id,
        bank=row.bank,
        status=row.status,
        borrower=means.borrower,
        amount=row.amount,
        tier=row.tier,
        cap=row.cap,
        assessed=row.assessed,
        findings=means.findings,
        rate=Rate.model_validate_json(row.rate),
        act_by=row.act_by,
        ended_at=row.ended_at,
        ground=row.ground,
        line_id=row.line_id,
    )


def _summary(row: LineRow, union_id: UnionId) -> LineSummary:
    return LineSummary(
        line_id=row.line_id,
        member_id=row.member_id,
        union_id=union_id,
        status=row.status,
        tier=row.tier,
        limit=row.limit,
        used=row.used,
        available=account.open_to_draw(row.status, min(row.limit, row.ceiling) - row.used - row.pending),
        overdue_since=row.overdue_since,
    )


def _endorsed(row: ApplicationRow, means: Means) -> EndorsedApplication:
    assert row.act_by is not None
    return EndorsedApplication(
        application_id=row.application_id,
        member_id=row.member_id,
        tier=row.tier,
        amount=row.amount,
        assessed=row.assessed,
        findings=means.findings,
        rate=Rate.model_validate_json(row.rate),
        answer_by=row.act_by,
    )


def _pending(row: DrawRow) -> PendingDraw:
    terms = DrawTerms.model_validate_json(row.terms)
    return PendingDraw(
        line_id=row.line_id,
        draw_id=row.draw_id,
        member_id=row.member_id,
        amount=row.amount,
        months=terms.months,
        form=terms.form,
        annual_percent=terms.rate.annual_percent,
        disburse_by=row.disburse_by,
    )


ANSWERS: dict[type[Query[Any]], Answers] = {
    ShowApplication: show_application,
    FindApplications: find_applications,
    ShowLine: show_line,
    FindLines: find_lines,
    ShowStatement: show_statement,
    QuoteRate: quote_rate,
    ShowCadreList: show_cadre_list,
    ShowBankWork: show_bank_work,
    ShowExposure: show_exposure,
}
