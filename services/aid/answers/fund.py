"""The federation's fund: a pool in a period, by county and over time, with what it comes to by the end. Sums only."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from services.aid import refusals
from services.aid.answers.concerned import rules_of
from services.aid.solvency import Experience, outlook, ratio
from services.aid.views import FundDayRow, FundDays
from shared.runtime.queries import Asked
from shared.schemas.aid import (
    FundAnswer,
    FundMonth,
    FundShare,
    LedgerAccount,
    Period,
    PeriodStart,
    SchemeTerms,
    ShowFund,
)
from shared.schemas.messages import Federation
from shared.schemas.money import Fen

__all__ = ["show_fund"]

INSURED: Final = """
    select county, count(*) filter (where first <= greatest($3::date, period)) as insured
    from aid.memberships where pool = $1 and period = $2 and first is not null group by 1
"""
COVERS: Final = """
    select period, pool = $2 as own, first, last, count(*) as number from aid.memberships
    where county = any($1) and first is not null group by 1, 2, 3, 4
"""
GRANTED: Final = """
    select county, count(*) as claims from aid.claims where pool = $1 and period = $2
    and granted_on <= $3 and (reversed_on is null or reversed_on > $3) group by 1
"""
UNDECIDED: Final = """
    select count(*) as number from aid.claims where pool = $1 and period = $2
    and status in ('filed', 'assessed', 'reviewed', 'quoted')
"""
HELD: Final = """
    select coalesce(sum(a.reserved), 0)::bigint from aid.accounts a
    join aid.memberships m on m.member_id = a.member_id and m.period = a.period
    where m.pool = $1 and a.period = $2 and a.reserved > 0
"""


async def show_fund(query: ShowFund, asked: Asked) -> FundAnswer:
    rules = await rules_of(asked)
    terms, period = rules.period(asked.federation, query.period)
    on = query.on or asked.today
    if on > asked.today:
        raise refusals.AFTER_TODAY(on=on.isoformat(), today=asked.today.isoformat())
    pool, fetch = terms.pool, asked.read_models.pool.fetch
    every = await asked.read_models.some(FundDays, "county = any($1) order by day", list(terms.counties))
    days = [row for row in every if row.pool == pool]
    insured = dict(await fetch(INSURED, pool, period.first, on))
    claims = dict(await fetch(GRANTED, pool, period.first, on))
    shares = tuple(
        _share(county, insured.get(county, 0), claims.get(county, 0), _until(days, period.first, on, county))
        for county in sorted({*insured, *claims, *(row.county for row in days if row.period == period.first)})
    )
    balances = _balances(_until(days, period.first, on))
    contributions, benefits = -balances[LedgerAccount.CONTRIBUTIONS], balances[LedgerAccount.BENEFITS]
    own, earlier = await _experiences(terms, period, every, asked)
    ahead = outlook(own, earlier, on)
    return FundAnswer(
        pool=pool,
        period=period.first,
        last=period.last,
        on=on,
        insured=sum(share.insured for share in shares),
        claims=sum(share.claims for share in shares),
        contributions=contributions,
        benefits=benefits,
        paid=_paid(balances),
        surplus=contributions - benefits,
        claims_ratio=ratio(benefits, contributions),
        balances=balances,
        under_way=await asked.read_models.pool.fetchval(UNDECIDED, pool, period.first),
        reserved=await asked.read_models.pool.fetchval(HELD, pool, period.first),
        projected_benefits=ahead.benefits,
        projected_ratio=None if ahead.benefits is None else ratio(ahead.benefits, contributions),
        projected_surplus=None if ahead.benefits is None else contributions - ahead.benefits,
        basis=ahead.basis,
        exhausted_on=ahead.exhausted_on,
        months=tuple(
            FundMonth(
                until=point.until,
                contributions=point.contributions,
                benefits=point.benefits,
                surplus=point.contributions - point.benefits,
                claims_ratio=ratio(point.benefits, point.contributions),
                projected=point.projected,
            )
            for point in ahead.months
        ),
        shares=shares,
    )


def _until(
    days: Sequence[FundDayRow], period: PeriodStart, on: date, county: Federation | None = None
) -> list[FundDayRow]:
    return [row for row in days if row.period == period and row.day <= on and county in {None, row.county}]


def _balances(days: Sequence[FundDayRow]) -> dict[LedgerAccount, Fen]:
    """Debits above zero; they add up to zero."""
    return {account: sum(row.movements[account] for row in days) for account in LedgerAccount}


def _paid(balances: Mapping[LedgerAccount, Fen]) -> Fen:
    """Of what is granted, what is not owed any more; an overpayment is no benefit, and stands in neither."""
    return balances[LedgerAccount.BENEFITS] + balances[LedgerAccount.PAYABLE]


def _share(county: Federation, insured: int, claims: int, days: Sequence[FundDayRow]) -> FundShare:
    balances = _balances(days)
    contributions, benefits = -balances[LedgerAccount.CONTRIBUTIONS], balances[LedgerAccount.BENEFITS]
    return FundShare(
        county=county,
        insured=insured,
        claims=claims,
        contributions=contributions,
        benefits=benefits,
        paid=_paid(balances),
        claims_ratio=ratio(benefits, contributions),
        balances=balances,
    )


async def _experiences(
    terms: SchemeTerms, period: Period, days: Sequence[FundDayRow], asked: Asked
) -> tuple[Experience, list[Experience]]:
    """What the log tells of the period of a pool, and of its counties in the periods before: whether the pool was
    theirs then or each county had its own."""
    contributions: dict[PeriodStart, Counter[date]] = defaultdict(Counter)
    benefits: dict[PeriodStart, Counter[date]] = defaultdict(Counter)
    covers: dict[PeriodStart, Counter[date]] = defaultdict(Counter)
    for row in days:
        if row.pool == terms.pool or row.period < period.first:
            contributions[row.period][row.day] -= row.contributions
            benefits[row.period][row.day] += row.benefits
    for start, own, first, last, number in await asked.read_models.pool.fetch(COVERS, list(terms.counties), terms.pool):
        if own or start < period.first:
            covers[start][first] += number
            covers[start][last + timedelta(days=1)] -= number
    earlier = sorted(start for start in {*benefits, *covers} if start < period.first)
    known = [Experience(terms.period(start), contributions[start], benefits[start], covers[start]) for start in earlier]
    first = period.first
    return Experience(period, contributions[first], benefits[first], covers[first]), known
