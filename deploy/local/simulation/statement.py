"""How the half-year ends: the fund's statement, what became of each claim, and whether all is as it must be."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from deploy.local.simulation.claims import Case, End
from deploy.local.simulation.entering import OFFICER
from deploy.local.simulation.plan import Plan
from deploy.local.simulation.wire import Wire, all_of
from shared.schemas.aid import ClaimAnswer, ClaimStatus, FundAnswer, LedgerAccount, ShowClaim, ShowFund
from shared.schemas.messages import Refused

__all__ = ["Check", "Statement", "stated"]

MUST: Final[Mapping[End, ClaimStatus]] = {
    End.PAID: ClaimStatus.SETTLED,
    End.REJECTED: ClaimStatus.REJECTED,
    End.NOT_SUPPLIED: ClaimStatus.REJECTED,
    End.WITHDRAWN: ClaimStatus.WITHDRAWN,
    End.LAPSED: ClaimStatus.LAPSED,
    End.CANCELLED: ClaimStatus.REVERSED,
    End.REPAID: ClaimStatus.REVERSED,
}
CHANNELS: Final = {"hospital": "一站式", "proxy": "工会干部代办", "counter": "服务窗口", "online": "本人网上"}
ACCOUNTS: Final = {
    LedgerAccount.CONTRIBUTIONS: "互助金收入",
    LedgerAccount.BENEFITS: "互助金支出",
    LedgerAccount.PAYABLE: "应付互助金",
    LedgerAccount.RECEIVABLE: "应收退回款",
    LedgerAccount.BANK: "银行存款",
}
CREDITED: Final = frozenset({LedgerAccount.CONTRIBUTIONS, LedgerAccount.PAYABLE})
"""Accounts to which credits add."""


@dataclass(frozen=True, slots=True)
class Check:
    what: str
    must: str
    came: str

    @property
    def holds(self) -> bool:
        return self.must == self.came


@dataclass(frozen=True, slots=True)
class Statement:
    plan: Plan
    fund: FundAnswer
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    def __rich__(self) -> Group:
        return Group(_fund(self.fund), _months(self.fund), _claims(self.plan), _others(self.plan), _checks(self.checks))


async def stated(wire: Wire, plan: Plan, done: Callable[[], None]) -> Statement:
    """Asks for the fund and for each claim, once the last timers have fired."""

    async def of(case: Case) -> ClaimAnswer | None:
        try:
            answer: ClaimAnswer = await wire.ask(OFFICER, ShowClaim(claim_id=case.claim_id))
        except Refused:
            return None
        return answer

    async def fired() -> bool | None:
        last = [await of(case) for case in plan.of(End.LAPSED, End.NOT_SUPPLIED)]
        return True if all(one and one.status in {ClaimStatus.LAPSED, ClaimStatus.REJECTED} for one in last) else None

    await wire.until(fired)
    claims = await all_of((of(case) for case in plan.cases), done)
    fund: FundAnswer = await wire.ask(OFFICER, ShowFund(period=plan.figures.period, on=plan.figures.last))
    return Statement(plan, fund, (*_of_fund(plan, fund), *_of_claims(plan.cases, claims)))


def _of_fund(plan: Plan, fund: FundAnswer) -> Iterable[Check]:
    """The whole fund is one county's."""
    figures, fee = plan.figures, plan.fee
    contributions = figures.insured * fee
    balances: Counter[LedgerAccount] = Counter()
    for share in fund.shares:
        balances.update(share.balances)
    yield Check("参保人数", f"{figures.insured:,}", f"{sum(share.insured for share in fund.shares):,}")
    yield Check("已支付案件", f"{figures.claims:,}", f"{sum(share.claims for share in fund.shares):,}")
    yield Check("互助金收入", _money(contributions), _money(fund.contributions))
    yield Check("互助金支出", _money(figures.paid), _money(fund.benefits))
    yield Check("应付互助金余额", _money(0), _money(balances[LedgerAccount.PAYABLE]))
    yield Check("应收退回款余额", _money(0), _money(balances[LedgerAccount.RECEIVABLE]))
    yield Check("银行存款", _money(contributions - figures.paid), _money(balances[LedgerAccount.BANK]))
    yield Check("借贷差额", _money(0), _money(balances.total()))


def _of_claims(cases: Iterable[Case], claims: Iterable[ClaimAnswer | None]) -> Iterable[Check]:
    by_end: dict[End, list[tuple[Case, ClaimAnswer | None]]] = {}
    for case, claim in zip(cases, claims, strict=True):
        by_end.setdefault(case.end, []).append((case, claim))
    for end, both in by_end.items():
        right = sum(_is_right(case, claim) for case, claim in both)
        yield Check(f"逐件核对：{end.term}", f"{len(both):,}", f"{right:,}")


def _is_right(case: Case, claim: ClaimAnswer | None) -> bool:
    """To the fen."""
    paid = case.granted if case.end is End.PAID else 0
    return claim is not None and (claim.status, claim.paid) == (MUST[case.end], paid)


def _fund(fund: FundAnswer) -> Table:
    table = _table(f"基金报表，截至{fund.on}", "", *(share.county for share in fund.shares))
    table.add_row("保障期", *(f"{fund.period}起" for _ in fund.shares))
    table.add_row("参保人数", *(f"{share.insured:,}" for share in fund.shares))
    table.add_row("支付案件", *(f"{share.claims:,}" for share in fund.shares))
    table.add_section()
    for account, words in ACCOUNTS.items():
        sign = -1 if account in CREDITED else 1
        table.add_row(words, *(_money(sign * share.balances.get(account, 0)) for share in fund.shares))
    return table


def _months(fund: FundAnswer) -> Table:
    """All since the beginning of the period; what is projected is dim."""
    table = _table("收支与赔付率（累计）", "截至", "收入", "支出", "结余", "赔付率")
    for month in fund.months:
        cells = (
            _money(month.contributions),
            _money(month.benefits),
            _money(month.surplus),
            _percent(month.claims_ratio),
        )
        table.add_row(str(month.until), *cells, style="dim" if month.projected else None)
    return table


def _claims(plan: Plan) -> Table:
    table = _table("支付案件", "渠道", "件数", "金额", "限额减付", "容缺", "退汇重付")
    paid = plan.of(End.PAID)
    for channel, words in CHANNELS.items():
        table.add_row(words, *_counted([case for case in paid if case.channel == channel]))
    table.add_section()
    table.add_row("合计", *_counted(paid))
    return table


def _others(plan: Plan) -> Table:
    table = _table("未支付或已退回", "", "件数")
    for end, number in plan.ends.items():
        if end is not End.PAID:
            table.add_row(end.term, f"{number:,}")
    return table


def _table(title: str, first: str, *columns: str) -> Table:
    """The columns after the first hold figures."""
    table = Table(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _counted(cases: list[Case]) -> tuple[str, ...]:
    return (
        f"{len(cases):,}",
        _money(sum(case.granted for case in cases)),
        f"{sum(case.reduced for case in cases)}",
        f"{sum(case.missing is not None for case in cases)}",
        f"{sum(case.returned is not None for case in cases)}",
    )


def _checks(checks: Iterable[Check]) -> Table:
    table = _table("必须成立", "", "必须", "实际")
    table.add_column("")
    for check in checks:
        mark = Text("✓", "green") if check.holds else Text("✗", "bold red")
        table.add_row(check.what, check.must, check.came, mark)
    return table


def _money(amount: int | None) -> str:
    if amount is None:
        return "—"
    sign, digits = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{digits // 100:,}.{digits % 100:02d}"


def _percent(ratio: float | None) -> str:
    return "—" if ratio is None else f"{ratio:.1%}"
