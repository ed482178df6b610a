"""The pooled fund as the counties' entries come in."""

from datetime import date

from services.city.views import ShareRow, Shares
from shared.eventsourcing.view_specification import ViewSpecification
from shared.schemas.aid import LedgerAccount, LedgerLine, PoolPosted, PostingKind
from shared.schemas.money import fen

JINHUA, DONGYANG, PERIOD = "330700", "330783", date(2019, 7, 1)
JULY, OCTOBER = date(2019, 7, 2), date(2019, 10, 8)

shares = ViewSpecification(Shares())


def posted(
    county: str, kind: PostingKind, debit: LedgerAccount, credit: LedgerAccount, cny: str, on: date
) -> PoolPosted:
    amount = fen(cny)
    lines = (LedgerLine(account=debit, debit=amount), LedgerLine(account=credit, credit=amount))
    return PoolPosted(pool=JINHUA, county=county, period=PERIOD, kind=kind, lines=lines, on=on)


def contribution(county: str, cny: str) -> PoolPosted:
    return posted(county, PostingKind.CONTRIBUTION, LedgerAccount.BANK, LedgerAccount.CONTRIBUTIONS, cny, JULY)


def reservation(county: str, cny: str) -> PoolPosted:
    return posted(county, PostingKind.RESERVATION, LedgerAccount.BENEFITS, LedgerAccount.PAYABLE, cny, OCTOBER)


def payment(county: str, cny: str) -> PoolPosted:
    return posted(county, PostingKind.PAYMENT, LedgerAccount.PAYABLE, LedgerAccount.BANK, cny, OCTOBER)


def test_each_county_has_its_own_share() -> None:
    shares.given(
        contribution(JINHUA, "100"), contribution(DONGYANG, "50"), reservation(DONGYANG, "30"), payment(DONGYANG, "20")
    ).shows(
        ShareRow(JINHUA, PERIOD, DONGYANG, OCTOBER, bank=3_000, benefits=3_000, contributions=5_000, payable=1_000),
        ShareRow(JINHUA, PERIOD, JINHUA, JULY, bank=10_000, contributions=10_000),
    )


def test_an_entry_that_arrives_late_takes_back_no_day() -> None:
    (row,) = shares.given(reservation(DONGYANG, "30"), contribution(DONGYANG, "50")).rows
    assert row.heard_on == OCTOBER
