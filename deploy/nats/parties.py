"""Outside parties: banks and hospitals, and what each may ask of the union's services."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.schemas import aid, loan
from shared.schemas.aid import ReconcileHospitalDay, ShowHospitalDay, ShowSettlement
from shared.schemas.language import commands_of, events_of
from shared.schemas.loan import ShowApplication, ShowBankWork
from shared.schemas.messages import Command, Event, Federation, Query, Role
from shared.schemas.registry import ShowIdentity

__all__ = ["CONSUMER", "SHIPPED", "Bank", "Hospital", "Parties", "Party"]

SHIPPED: Final = Path(__file__).with_name("parties.toml")
CONSUMER: Final = "bank"
"""Of a bank's stream: the durable consumer by which the bank takes what is addressed to it."""

type Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,32}$")]


class Party(BaseModel):
    """`code` is the id of the party's actor, and a token of subjects."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: ClassVar[Role]
    commands: ClassVar[tuple[tuple[str, type[Command]], ...]]
    """With the programme that takes each."""
    queries: ClassVar[tuple[tuple[str, type[Query[Any]]], ...]]

    code: Code
    name: str
    federations: Annotated[tuple[Federation, ...], Field(min_length=1)]

    @property
    def account(self) -> str:
        """Of the broker, and its one user."""
        return f"{self.role}-{self.code}"

    def calls(self) -> list[str]:
        """The subjects on which the party calls services, in its own account."""
        kinds: Iterable[tuple[str, str, type[Command | Query[Any]]]] = (
            *(("cmd", programme, kind) for programme, kind in self.commands),
            *(("qry", programme, kind) for programme, kind in self.queries),
        )
        return [
            f"{verb}.{federation}.{programme}.{kind.__name__}"
            for federation in self.federations
            for verb, programme, kind in kinds
        ]


class Bank(Party):
    """Hears what the loan addresses to it, and answers."""

    role = Role.BANK
    commands = tuple(("loan", kind) for _, kind in sorted(commands_of(loan).items()) if Role.BANK in kind.roles)
    queries = (("registry", ShowIdentity), ("loan", ShowApplication), ("loan", ShowBankWork))
    events: ClassVar[tuple[type[Event], ...]] = tuple(
        kind for _, kind in sorted(events_of(loan).items()) if kind.addressed_to == "bank"
    )

    @property
    def stream(self) -> str:
        """All events addressed to this bank, in the order of the loan's log, and nothing else."""
        return f"BANK_{self.code.upper()}"

    @property
    def subject(self) -> str:
        return f"evt.*.loan.*.{self.code}"


class Hospital(Party):
    """Settles at discharge: quote, confirm, cancel; reads what was quoted, and compares each day with the fund's."""

    role = Role.HOSPITAL
    commands = tuple(("aid", kind) for _, kind in sorted(commands_of(aid).items()) if Role.HOSPITAL in kind.roles)
    queries = (("aid", ShowSettlement), ("aid", ShowHospitalDay), ("aid", ReconcileHospitalDay))


class Parties(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    bank: tuple[Bank, ...] = ()
    hospital: tuple[Hospital, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> "Parties":
        accounts = [party.account for party in self.all()]
        if len(accounts) != len(set(accounts)):
            raise ValueError("a party is named twice")
        return self

    @classmethod
    def read(cls, path: Path = SHIPPED) -> "Parties":
        """Raises OSError, TOMLDecodeError, ValidationError."""
        return cls.model_validate(tomllib.loads(path.read_text("utf-8")))

    def all(self) -> tuple[Bank | Hospital, ...]:
        return (*self.bank, *self.hospital)
