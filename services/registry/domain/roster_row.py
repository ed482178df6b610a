"""What a row of a union's roster leads to: somebody new is entered, of somebody known what differs is changed.

What a roster leaves out stays as it is.
"""

from dataclasses import dataclass, field

from services.registry.domain.deciding import decide, recorded_account, registered
from services.registry.domain.member import Member, State, Trade, first_household, member
from services.registry.identity import read_email, read_mobile, read_name
from services.registry.refusals import MEMBER_EXISTS, NAME_DIFFERS
from shared.eventsourcing.decider import Facts
from shared.schemas.messages import Command, Event
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    BankAccountRecorded,
    ChangeContacts,
    CorrectIdentity,
    EnterRosterRow,
    HouseholdJoined,
    MoveMember,
    RecordTrade,
)

__all__ = ["Known", "changed", "entered"]


@dataclass(frozen=True, slots=True)
class Known:
    """What the registry holds of a member in clear."""

    name: str = field(repr=False)
    id_number: str = field(repr=False)
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)
    account: str | None = field(repr=False)
    bank: str | None = field(repr=False)


def entered(row: EnterRosterRow, state: State, facts: Facts, *, with_others: bool = False) -> list[Event]:
    """Of somebody new; `with_others` says that their household is there already. Raises Refused."""
    if state is not None:
        raise MEMBER_EXISTS()
    if with_others:
        alone = first_household(row.member_id)
        events = registered(row.model_copy(update={"household_id": alone}), facts)
        events.append(
            HouseholdJoined(
                member_id=row.member_id, household_id=row.household_id, from_household_id=alone, on=facts.today
            )
        )
    else:
        events = registered(row, facts)
    if row.account is not None:
        events.append(recorded_account(row.member_id, row.account, row.bank))
    return events


def changed(row: EnterRosterRow, state: Member, known: Known, facts: Facts) -> list[Event]:
    """Of somebody known. Their name is put right by their own union alone: elsewhere another name under the same
    number is more likely a wrong number. Raises Refused."""
    wanted = (_move(row, state), _correction(row, state, known), _trade(row, state), _contacts(row, state, known))
    events: list[Event] = []
    for change in wanted:
        if change is not None:
            decided = decide(change, state, facts)
            events += decided
            state = member.fold(decided, state) or state
    return [*events, *_account(row, state, known)]


def _move(row: EnterRosterRow, state: Member) -> Command | None:
    post = row.post or state.post
    there = (row.union_id, row.employer_id, post) == (state.union_id, state.employer_id, state.post)
    if there and not state.ended:
        return None
    return MoveMember(member_id=state.member_id, union_id=row.union_id, employer_id=row.employer_id, post=post)


def _correction(row: EnterRosterRow, state: Member, known: Known) -> Command | None:
    if read_name(row.name.clear) == known.name:
        return None
    if row.union_id != state.union_id:
        raise NAME_DIFFERS()
    return CorrectIdentity(member_id=state.member_id, name=row.name, id_number=Personal(known.id_number))


def _trade(row: EnterRosterRow, state: Member) -> Command | None:
    known = state.trade
    said = Trade(row.trade or known.name, row.skill_level or known.level, row.skilled or known.skilled)
    if said == known:
        return None
    return RecordTrade(member_id=state.member_id, trade=said.name, skill_level=said.level, skilled=said.skilled)


def _contacts(row: EnterRosterRow, state: Member, known: Known) -> Command | None:
    phone = known.phone if row.phone is None else read_mobile(row.phone.clear)
    email = known.email if row.email is None else read_email(row.email.clear)
    if (phone, email) == (known.phone, known.email):
        return None
    return ChangeContacts(
        member_id=state.member_id,
        phone=None if phone is None else Personal(phone),
        email=None if email is None else Personal(email),
    )


def _account(row: EnterRosterRow, state: Member, known: Known) -> list[BankAccountRecorded]:
    if row.account is None:
        return []
    said = recorded_account(state.member_id, row.account, row.bank)
    bank = known.bank if row.bank is None else row.bank.clear
    return [] if (said.account.clear, bank) == (known.account, known.bank) else [said]
