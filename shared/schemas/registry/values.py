"""What the registry's words are made of: ids, levels, kinds, posts, purposes, and the shapes of texts."""

from enum import StrEnum
from typing import Annotated, NewType
from uuid import UUID

from pydantic import StringConstraints

from shared.schemas.messages import Role

__all__ = [
    "AccountText",
    "ConsentId",
    "ConsentPurpose",
    "EmailText",
    "EndOfMembership",
    "ErasureGround",
    "FederationLevel",
    "HonourId",
    "HonourLevel",
    "NumberText",
    "OrganisationName",
    "Party",
    "PersonName",
    "SkillLevel",
    "UnionKind",
    "UnionPost",
]

HonourId = NewType("HonourId", UUID)
ConsentId = NewType("ConsentId", UUID)

type PersonName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
type OrganisationName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
type NumberText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
"""An identity number, credit code or telephone number as somebody wrote it: the registry normalises and checks it,
and refuses a wrong one with the clause of its standard."""
type AccountText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
type EmailText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]
type Party = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""To whom a consent is given: the id that the party acts under, such as a bank's code or a cadre's member id."""


class FederationLevel(StrEnum):
    """总工会的层级."""

    PROVINCE = "province"  # 省
    CITY = "city"  # 设区市
    COUNTY = "county"  # 县、市、区


class UnionKind(StrEnum):
    """基层工会的组建形式."""

    SINGLE = "single"  # 单建: of one employer
    JOINT = "joint"  # 联合: of several


class UnionPost(StrEnum):
    """工会职务."""

    CHAIR = "chair"  # 主席
    VICE_CHAIR = "vice_chair"  # 副主席
    CADRE = "cadre"  # 干部


class SkillLevel(StrEnum):
    """职业技能等级 (人社部 2022 “新八级工”)."""

    APPRENTICE = "apprentice"  # 学徒工
    JUNIOR = "junior"  # 初级工
    INTERMEDIATE = "intermediate"  # 中级工
    SENIOR = "senior"  # 高级工
    TECHNICIAN = "technician"  # 技师
    SENIOR_TECHNICIAN = "senior_technician"  # 高级技师
    SPECIAL_TECHNICIAN = "special_technician"  # 特级技师
    CHIEF_TECHNICIAN = "chief_technician"  # 首席技师


class HonourLevel(StrEnum):
    """荣誉级别: by whom it is awarded."""

    NATIONAL = "national"  # 国家级
    PROVINCIAL = "provincial"  # 省级
    CITY = "city"  # 市级
    DISTRICT = "district"  # 县区级
    ENTERPRISE = "enterprise"  # 企业级


class EndOfMembership(StrEnum):
    """会籍终止的原因."""

    RESIGNED = "resigned"  # 退会
    TRANSFERRED_OUT = "transferred_out"  # 转出到其他总工会
    RETIRED = "retired"  # 退休
    EXPELLED = "expelled"  # 开除会籍
    DECEASED = "deceased"  # 去世


class ConsentPurpose(StrEnum):
    """单独同意的事项 (个人信息保护法 第23条、第29条)."""

    SHARE_WITH_BANK = "share_with_bank"  # 向银行提供
    SHARE_WITH_HOSPITAL = "share_with_hospital"  # 向医院提供
    ACT_ON_BEHALF = "act_on_behalf"  # 委托代办


class ErasureGround(StrEnum):
    """删除的情形 (个人信息保护法 第47条)."""

    PURPOSE_ENDED = "purpose_ended"  # 处理目的已实现或者不再必要
    KEPT_LONG_ENOUGH = "kept_long_enough"  # 保存期限已届满
    CONSENT_WITHDRAWN = "consent_withdrawn"  # 个人撤回同意
    UNLAWFUL = "unlawful"  # 违法或者违约处理


FEDERATION_STAFF = frozenset({Role.OFFICER, Role.OPERATOR})
UNION_STAFF = FEDERATION_STAFF | {Role.CADRE}
MEMBER_AND_STAFF = UNION_STAFF | {Role.MEMBER}
"""A member acts for themselves, a cadre for members of their own union, an officer for the federation's."""
