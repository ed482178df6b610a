"""Events and commands of one member, for specifications."""

from datetime import UTC, date, datetime
from uuid import UUID

from shared.eventsourcing.decider import Facts
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId
from shared.schemas.messages import Actor, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    BankAccountRecorded,
    ConsentGiven,
    ConsentId,
    ConsentPurpose,
    EndOfMembership,
    HonourGranted,
    HonourId,
    HonourLevel,
    MemberErased,
    MemberRegistered,
    MembershipEnded,
    SkillLevel,
    TradeRecorded,
)
from shared.schemas.registry.values import ErasureGround
from tests.services.registry.desk import number

LI, WANG = MemberId(UUID(int=1)), MemberId(UUID(int=2))
CABLE, MILL = UnionId(UUID(int=11)), UnionId(UUID(int=12))
WORKS, SHOP = EmployerId(UUID(int=21)), EmployerId(UUID(int=22))
HOME, OTHER_HOME = HouseholdId(UUID(int=31)), HouseholdId(UUID(int=32))
HONOUR, CONSENT = HonourId(UUID(int=41)), ConsentId(UUID(int=51))
NUMBER = number(7)
TODAY, YESTERDAY, TOMORROW = date(2019, 7, 1), date(2019, 6, 30), date(2019, 7, 2)
FACTS = Facts(
    now=datetime(2019, 6, 30, 16, 30, tzinfo=UTC),  # past midnight in China
    actor=Actor(role=Role.OFFICER, id="zhou"),
    federation="330503",
)


def registered(
    member_id: MemberId = LI,
    name: str = "李建国",
    phone: str | None = "13800000000",
    email: str | None = None,
    post: str | None = "电缆工",
) -> MemberRegistered:
    return MemberRegistered(
        member_id=member_id,
        household_id=HOME,
        union_id=CABLE,
        employer_id=WORKS,
        name=Personal(name),
        id_number=Personal(NUMBER),
        phone=None if phone is None else Personal(phone),
        email=None if email is None else Personal(email),
        post=post,
        joined_on=TODAY,
    )


def traded(trade: str | None = "电工", level: SkillLevel | None = SkillLevel.SENIOR) -> TradeRecorded:
    return TradeRecorded(member_id=LI, trade=trade, skill_level=level, skilled=True)


def ended(on: date = YESTERDAY) -> MembershipEnded:
    return MembershipEnded(member_id=LI, union_id=CABLE, employer_id=WORKS, ground=EndOfMembership.RESIGNED, on=on)


def erased(member_id: MemberId = LI) -> MemberErased:
    return MemberErased(member_id=member_id, ground=ErasureGround.CONSENT_WITHDRAWN)


def banked(account: str = "62220200001111", bank: str | None = "南浔银行练市支行") -> BankAccountRecorded:
    return BankAccountRecorded(member_id=LI, account=Personal(account), bank=None if bank is None else Personal(bank))


def honoured(until: date | None = None, on: date = YESTERDAY) -> HonourGranted:
    return HonourGranted(
        member_id=LI,
        honour_id=HONOUR,
        title="南浔工匠",
        level=HonourLevel.DISTRICT,
        awarded_by="南浔区总工会",
        on=on,
        until=until,
    )


def consented(until: date | None = None, on: date = YESTERDAY) -> ConsentGiven:
    return ConsentGiven(
        member_id=LI,
        consent_id=CONSENT,
        purpose=ConsentPurpose.SHARE_WITH_BANK,
        to="nxbank",
        evidence="档案 2019-0132",
        on=on,
        until=until,
    )
