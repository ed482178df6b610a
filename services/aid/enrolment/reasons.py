"""Why a line of a roster enrols nobody, and what is doubtful about one that does."""

from collections.abc import Mapping
from typing import Final

from services.aid.refusals import ENROLMENT
from shared.schemas.aid import LeftOutReason
from shared.schemas.messages import Reason

__all__ = [
    "EMPLOYER_UNKNOWN",
    "LEFT_OUT",
    "MEMBERSHIP_ENDED",
    "NAME_DIFFERS",
    "NOT_REGISTERED",
    "REPEATED",
    "WORKS_ELSEWHERE",
]

EMPLOYER_UNKNOWN = Reason("line_employer_unknown", ENROLMENT, "单位没有登记，请核对统一社会信用代码")
NOT_REGISTERED = Reason("line_not_registered", ENROLMENT, "会员名册中没有这个身份证号，请核对，或先登记入会")
NAME_DIFFERS = Reason("line_name_differs", ENROLMENT, "姓名与会员名册中这个身份证号的姓名不符，请核对")
MEMBERSHIP_ENDED = Reason("line_membership_ended", ENROLMENT, "会籍已终止")
REPEATED = Reason("line_repeated", ENROLMENT, "与{place}重复")

WORKS_ELSEWHERE = Reason("line_works_elsewhere", ENROLMENT, "会员名册中登记的是另一个单位，请核对")

LEFT_OUT: Final[Mapping[LeftOutReason, Reason]] = {
    LeftOutReason.ENROLLED_HERE: Reason("line_enrolled_here", ENROLMENT, "本单位已为其参保"),
    LeftOutReason.ENROLLED_ELSEWHERE: Reason("line_enrolled_elsewhere", ENROLMENT, "其他单位已为其参保"),
    LeftOutReason.NOT_A_MEMBER: NOT_REGISTERED,
    LeftOutReason.DECEASED: Reason("line_deceased", ENROLMENT, "已去世"),
    LeftOutReason.LEFT_EMPLOYER: Reason("line_left_employer", ENROLMENT, "已不在本单位"),
    LeftOutReason.TWICE: Reason("line_twice", ENROLMENT, "名单内重复"),
}
