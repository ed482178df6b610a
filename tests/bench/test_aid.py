"""The measurement of the fund folds what it counts."""

from tests.bench import aid_fund


async def test_a_fund_that_is_rebuilt_has_every_entry_of_its_ledger(database_url: str) -> None:
    rates = await aid_fund.rebuilt(database_url, 2_000, rounds=2)
    assert min(rates) > 0
