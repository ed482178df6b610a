"""The shapes of the rules files: a benefit table by name, a scheme, the hospitals of a city."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.schemas.aid import BankAccount, BenefitTable, HospitalCode, SchemeTerms
from shared.schemas.messages import Federation

__all__ = ["BenefitFile", "Hospital", "HospitalsFile", "SchemeFile"]

type Word = Annotated[str, Field(min_length=1, max_length=100)]


class BenefitFile(BenefitTable):
    """A benefit table that schemes name."""

    kind: Literal["benefit"]
    name: Word


class SchemeFile(SchemeTerms):
    kind: Literal["scheme"]

    @property
    def terms(self) -> SchemeTerms:
        return SchemeTerms.model_construct(**{name: getattr(self, name) for name in SchemeTerms.model_fields})


class Hospital(BaseModel):
    """One with one-stop settlement, from a day on; benefits that it has deducted are paid to its account."""

    model_config = ConfigDict(frozen=True)

    code: HospitalCode
    name: Word
    since: date
    until: date | None = None
    """The last day."""
    account: BankAccount

    def has_joined(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on <= self.until)


class HospitalsFile(BaseModel):
    model_config = ConfigDict(frozen=True)

    kind: Literal["hospitals"]
    city: Federation
    hospitals: tuple[Hospital, ...]
