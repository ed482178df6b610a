"""A row of a union's roster, as one command: whoever is new is entered, whatever changed is changed."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, new_id
from shared.schemas.messages import Command, Role, Text
from shared.schemas.personal import Personal
from shared.schemas.registry.values import (
    UNION_STAFF,
    AccountText,
    EmailText,
    NumberText,
    OrganisationName,
    PersonName,
    SkillLevel,
)

__all__ = ["EnterRosterRow"]


class EnterRosterRow(Command):
    """Have the registry say of a person what a roster says. What the roster leaves out stays as it is.

    `member_id` and `household_id` are taken for somebody new, who joins the household where others live in it; the
    stream of the reply names the member. A row that says nothing new changes nothing.
    """

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    member_id: MemberId = Field(default_factory=lambda: MemberId(new_id()))
    household_id: HouseholdId = Field(default_factory=lambda: HouseholdId(new_id()))
    union_id: UnionId
    employer_id: EmployerId
    name: Personal[PersonName]
    id_number: Personal[NumberText]
    phone: Personal[NumberText] | None = None
    email: Personal[EmailText] | None = None
    post: Text | None = None
    trade: Text | None = None
    skill_level: SkillLevel | None = None
    skilled: bool = False
    joined_on: date | None = None
    account: Personal[AccountText] | None = None
    bank: Personal[OrganisationName] | None = None
