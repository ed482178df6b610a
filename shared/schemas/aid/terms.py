"""What mutual aid's words are made of: ids and how they follow from one another, kinds of care, channels, grounds, and
the shapes of bills and assessments."""

import re
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, NewType
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from shared.schemas.ids import EmployerId, MemberId, derived_id
from shared.schemas.messages import Federation
from shared.schemas.money import Fen, NonNegativeFen, PositiveFen

__all__ = [
    "AccountId",
    "AppointmentId",
    "Assessment",
    "BandShare",
    "BankAccount",
    "BatchId",
    "Bill",
    "Care",
    "Channel",
    "ClaimId",
    "ContractId",
    "Document",
    "EndOfCover",
    "EnrolmentId",
    "Exclusion",
    "ExclusionGround",
    "Finding",
    "HospitalCode",
    "IdentityText",
    "InvoiceId",
    "InvoiceNumber",
    "LedgerAccount",
    "LedgerLine",
    "LeftOut",
    "LeftOutReason",
    "MembershipId",
    "Payee",
    "PaymentId",
    "PeriodStart",
    "PostingKind",
    "Reference",
    "RejectionGround",
    "ReopenGround",
    "ReturnGround",
    "ReversalGround",
    "SettlementNumber",
    "SlotId",
    "StayDay",
    "account_id",
    "contract_id",
    "invoice_id",
    "membership_id",
    "payment_id",
    "settlement_claim",
]

ContractId = NewType("ContractId", UUID)
EnrolmentId = NewType("EnrolmentId", UUID)
MembershipId = NewType("MembershipId", UUID)
AccountId = NewType("AccountId", UUID)
ClaimId = NewType("ClaimId", UUID)
InvoiceId = NewType("InvoiceId", UUID)
PaymentId = NewType("PaymentId", UUID)
BatchId = NewType("BatchId", UUID)
SlotId = NewType("SlotId", UUID)
AppointmentId = NewType("AppointmentId", UUID)

type PeriodStart = date
"""A period goes by its first day."""

type HospitalCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,32}$")]
"""A hospital's token, such as dyrmyy: its actor's id, and a token of the subjects addressed to it."""

type SettlementNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""A hospital's own number of a settlement (结算流水号)."""

type IdentityText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
"""An identity number as somebody wrote it: the registry checks it, by GB 11643."""

type Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
"""Where something can be proved: a bank's reference, the number of a signed form. It names nobody."""


def _plain_number(value: Any) -> Any:
    return re.sub(r"[\s\-—/]", "", value).upper() if isinstance(value, str) else value


type InvoiceNumber = Annotated[
    str,
    BeforeValidator(_plain_number),
    StringConstraints(pattern=r"^[0-9A-Z]{6,40}$"),
    Field(examples=["330120190001"]),
]
"""Code and number of a medical invoice (医疗收费票据): spaces, dashes and small letters make no difference."""

_CHINA: Final = ZoneInfo("Asia/Shanghai")
_INVOICES: Final = UUID("0198c0de-0000-7000-8000-000000000001")
_SETTLEMENTS: Final = UUID("0198c0de-0000-7000-8000-000000000002")


def _day(value: Any) -> Any:
    if isinstance(value, str) and (late := re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ]24:00(:00)?(\+08:00)?", value)):
        return date.fromordinal(date.fromisoformat(late[1]).toordinal() + 1)
    if isinstance(value, str) and re.search(r"\d[T ]\d\d:", value):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value.astimezone(_CHINA) if value.tzinfo else value).date()
    return value


type StayDay = Annotated[date, BeforeValidator(_day)]
"""A day of a stay, in China. An instant is taken as its day there; 24:00 is the beginning of the next day, so that
`2019-06-30 24:00` is 1 July."""


# Ids that follow from what they are of


def contract_id(employer_id: EmployerId, period: PeriodStart) -> ContractId:
    """Of an employer's enrolment for a period."""
    return ContractId(derived_id(employer_id, f"aid contract {period}"))


def membership_id(member_id: MemberId, period: PeriodStart) -> MembershipId:
    """Of a person's cover in a period: there is one, whoever enrols them."""
    return MembershipId(derived_id(member_id, f"aid membership {period}"))


def account_id(member_id: MemberId, period: PeriodStart) -> AccountId:
    """Of a person's benefits in a period."""
    return AccountId(derived_id(member_id, f"aid account {period}"))


def invoice_id(federation: Federation, number: InvoiceNumber) -> InvoiceId:
    """Of an invoice: one over the whole city that a federation belongs to."""
    return InvoiceId(derived_id(_INVOICES, f"{federation[:4]} {number}"))


def settlement_claim(hospital: HospitalCode, number: SettlementNumber) -> ClaimId:
    """The claim that a hospital's settlement is."""
    return ClaimId(derived_id(_SETTLEMENTS, f"{hospital} {number}"))


def payment_id(claim_id: ClaimId, number: int) -> PaymentId:
    """Of a claim's payment instructions, from 1."""
    return PaymentId(derived_id(claim_id, f"payment {number}"))


# Kinds


class Care(StrEnum):
    """医疗类别."""

    INPATIENT = "inpatient"  # 住院
    SPECIAL_OUTPATIENT = "special_outpatient"  # 特殊门诊
    OUTPATIENT = "outpatient"  # 普通门诊

    @property
    def term(self) -> str:
        return {"inpatient": "住院", "special_outpatient": "特殊门诊", "outpatient": "普通门诊"}[self]


class Channel(StrEnum):
    """How a claim arrives."""

    HOSPITAL = "hospital"  # 一站式
    ONLINE = "online"  # 本人网上
    PROXY = "proxy"  # 工会干部代办
    COUNTER = "counter"  # 服务窗口


class Document(StrEnum):
    """What a claim rests on."""

    INVOICE = "invoice"  # 医疗收费票据
    SETTLEMENT_SHEET = "settlement_sheet"  # 医保结算单
    DISCHARGE_SUMMARY = "discharge_summary"  # 出院小结
    SPECIAL_OUTPATIENT_RECORD = "special_outpatient_record"  # 特殊门诊病历
    IDENTITY = "identity"  # 身份证
    PROXY_FORM = "proxy_form"  # 代办委托书

    @property
    def term(self) -> str:
        return DOCUMENTS[self]


DOCUMENTS: Final = {
    Document.INVOICE: "医疗收费票据",
    Document.SETTLEMENT_SHEET: "医保结算单",
    Document.DISCHARGE_SUMMARY: "出院小结",
    Document.SPECIAL_OUTPATIENT_RECORD: "特殊门诊病历",
    Document.IDENTITY: "身份证",
    Document.PROXY_FORM: "代办委托书",
}


class LeftOutReason(StrEnum):
    """Why a line of a roster enrols nobody."""

    ENROLLED_HERE = "enrolled_here"  # 本单位已为其参保
    ENROLLED_ELSEWHERE = "enrolled_elsewhere"  # 其他单位已为其参保
    NOT_A_MEMBER = "not_a_member"  # 不在会员名册中
    DECEASED = "deceased"  # 已去世
    LEFT_EMPLOYER = "left_employer"  # 已不在本单位
    TWICE = "twice"  # 名单内重复


class EndOfCover(StrEnum):
    DECEASED = "deceased"  # 去世


class RejectionGround(StrEnum):
    """Why a claim is turned down. A word of this list and no free text: a person's affairs have no place in a log that
    keeps everything."""

    DOCUMENTS = "documents"  # 限期内未补齐材料
    UNTRUE = "untrue"  # 材料不实
    INVOICE_COUNTED = "invoice_counted"  # 票据已报销
    NOT_ACCEPTED = "not_accepted"  # 不属保障范围
    NOTHING_TO_PAY = "nothing_to_pay"  # 无应付待遇
    OTHER_COMPENSATION = "other_compensation"  # 已获第三方赔付


class ExclusionGround(StrEnum):
    """Why a part of what the worker paid does not count."""

    NOT_ACCEPTED = "not_accepted"  # 不属保障范围的费用
    OTHER_COMPENSATION = "other_compensation"  # 第三方已赔付的费用
    UNPROVED = "unproved"  # 无有效票据的费用


class ReopenGround(StrEnum):
    ROOM_FREED = "room_freed"  # 年度限额恢复
    RESETTLED = "resettled"  # 医保重新结算
    NEW_EVIDENCE = "new_evidence"  # 补充材料
    MISTAKE = "mistake"  # 经办差错


class ReversalGround(StrEnum):
    HOSPITAL_CANCELLED = "hospital_cancelled"  # 医院撤销结算
    RESETTLED = "resettled"  # 医保重新结算
    MISTAKE = "mistake"  # 经办差错
    UNTRUE = "untrue"  # 材料不实


class ReturnGround(StrEnum):
    """Why a bank sends a payment back."""

    ACCOUNT_UNKNOWN = "account_unknown"  # 账号不存在
    NAME_MISMATCH = "name_mismatch"  # 户名不符
    ACCOUNT_CLOSED = "account_closed"  # 账户已销户
    TECHNICAL = "technical"  # 银行系统原因

    @property
    def about_account(self) -> bool:
        """Whether the account must be corrected before the money is sent again."""
        return self is not ReturnGround.TECHNICAL


class Payee(StrEnum):
    MEMBER = "member"  # 本人
    HOSPITAL = "hospital"  # 垫付医院
    SUCCESSOR = "successor"  # 继承人


class LedgerAccount(StrEnum):
    """会计科目 of a pool. Debits add to the first three, credits to the last two."""

    BANK = "bank"  # 银行存款
    RECEIVABLE = "receivable"  # 应收退回款
    BENEFITS = "benefits"  # 互助金支出
    CONTRIBUTIONS = "contributions"  # 互助金收入
    PAYABLE = "payable"  # 应付互助金


class PostingKind(StrEnum):
    """What an entry of a pool's ledger records."""

    CONTRIBUTION = "contribution"  # 缴费
    RESERVATION = "reservation"  # 计提应付
    RELEASE = "release"  # 冲回应付
    PAYMENT = "payment"  # 支付
    RETURN = "return"  # 银行退回
    OVERPAYMENT = "overpayment"  # 多付转应收
    STRAY_PAYMENT = "stray_payment"  # 撤回后仍支付
    RECOVERY = "recovery"  # 收回多付


# Shapes


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class BankAccount(_Part):
    holder: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
    number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    bank: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] | None = None


class Bill(_Part):
    """What a stay cost, and what others have paid of it."""

    invoices: Annotated[tuple[InvoiceNumber, ...], Field(min_length=1, max_length=50)]
    total: PositiveFen
    insurance_paid: NonNegativeFen
    """By social medical insurance (医保支付), of all kinds."""
    other_paid: NonNegativeFen = 0
    """By others: civil relief, commercial insurance."""

    @property
    def self_paid(self) -> Fen:
        """What the worker still has to pay; below zero where the bill is wrong."""
        return self.total - self.insurance_paid - self.other_paid


class Finding(_Part):
    """Why a benefit is less: `amount` less, by a clause, in words for people (中文)."""

    clause: str
    words: str
    amount: NonNegativeFen


class Exclusion(_Part):
    """A part of what the worker paid that does not count."""

    amount: PositiveFen
    ground: ExclusionGround


class BandShare(_Part):
    """What lies within one band of the benefit table, and the exact share of it in fen."""

    above: Fen
    up_to: Fen | None
    amount: Fen
    percent: Decimal
    share: Decimal


class Assessment(_Part):
    """How a benefit comes about: self_paid − excluded = counted; counted by bands = benefit; at most room = amount."""

    pool: Federation
    scheme: str
    """Version of the scheme in force at admission."""
    self_paid: NonNegativeFen
    excluded: NonNegativeFen
    counted: NonNegativeFen
    deductible: NonNegativeFen
    shares: tuple[BandShare, ...]
    benefit: NonNegativeFen
    """By the table, rounded half to even to the fen once."""
    ceiling: NonNegativeFen
    room: NonNegativeFen
    """What the ceiling had left for this claim."""
    amount: NonNegativeFen
    reductions: tuple[Finding, ...]


class LeftOut(_Part):
    member_id: MemberId
    reason: LeftOutReason


class LedgerLine(_Part):
    """One side of an entry; debit or credit is zero."""

    account: LedgerAccount
    debit: NonNegativeFen = 0
    credit: NonNegativeFen = 0
