"""Which of a member's consents are in force."""

from datetime import date
from typing import Any

from shared.people import in_force, with_given, without_withdrawn
from shared.schemas.ids import MemberId, new_id
from shared.schemas.registry import ConsentGiven, ConsentId, ConsentPurpose, ConsentWithdrawn

LI = MemberId(new_id())
CONSENT, ANOTHER = ConsentId(new_id()), ConsentId(new_id())
MAY, JUNE = date(2019, 5, 1), date(2019, 6, 30)


def given(until: date | None = None) -> list[dict[str, Any]]:
    event = ConsentGiven(
        member_id=LI,
        consent_id=CONSENT,
        purpose=ConsentPurpose.SHARE_WITH_BANK,
        to="nxbank",
        evidence="档案",
        on=MAY,
        until=until,
    )
    return with_given([], event)


def withdrawn(consent_id: ConsentId) -> ConsentWithdrawn:
    return ConsentWithdrawn(
        member_id=LI, consent_id=consent_id, purpose=ConsentPurpose.SHARE_WITH_BANK, to="nxbank", evidence=None, on=JUNE
    )


def test_what_proves_a_consent_is_not_kept() -> None:
    assert given() == [{"consent_id": str(CONSENT), "to": "nxbank", "on": "2019-05-01", "until": None}]


def test_a_consent_is_in_force_from_its_first_day_to_its_last() -> None:
    for_a_time = given(until=JUNE)
    assert in_force(for_a_time, date(2019, 4, 30)) == []
    assert in_force(for_a_time, MAY) == in_force(for_a_time, JUNE) == for_a_time
    assert in_force(for_a_time, date(2019, 7, 1)) == []
    assert in_force(given(), date(2039, 7, 1)) == given()


def test_a_withdrawal_ends_the_consent_that_it_names_and_no_other() -> None:
    assert without_withdrawn(given(), withdrawn(CONSENT)) == []
    assert without_withdrawn(given(), withdrawn(ANOTHER)) == given()
