"""An application for a line: filed by the member, recommended by the grassroots union, endorsed by the federation,
answered by the bank. It lapses where nobody takes the next step in time.

A step can be taken until its lapse is recorded: the log decides, not the minute.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.eventsourcing.decider import Aggregate
from shared.schemas.ids import HouseholdId, MemberId, UnionId
from shared.schemas.loan import (
    ApplicationEvent,
    ApplicationFiled,
    ApplicationId,
    ApplicationLapsed,
    ApplicationRecommended,
    ApplicationRejected,
    ApplicationWithdrawn,
    BankCode,
    LoanAccepted,
    LoanDeclined,
    LoanEndorsed,
    Stage,
)
from shared.schemas.money import Fen

__all__ = [
    "APPLICATION",
    "Application",
    "Ended",
    "Endorsed",
    "Filed",
    "NoApplication",
    "Recommended",
    "UnderWay",
    "evolve",
]


@dataclass(frozen=True, slots=True)
class NoApplication:
    words = "尚未提出"


@dataclass(frozen=True, slots=True)
class Dossier:
    """What stays the same while an application is under way."""

    application_id: ApplicationId
    member_id: MemberId
    household_id: HouseholdId
    union_id: UnionId
    bank: BankCode
    amount: Fen


@dataclass(frozen=True, slots=True)
class Filed:
    dossier: Dossier
    act_by: datetime
    stage = Stage.RECOMMENDATION
    words = "待基层工会推荐"


@dataclass(frozen=True, slots=True)
class Recommended:
    dossier: Dossier
    act_by: datetime
    by: str
    stage = Stage.ENDORSEMENT
    words = "待总工会核准"


@dataclass(frozen=True, slots=True)
class Endorsed:
    dossier: Dossier
    act_by: datetime
    assessed: Fen
    stage = Stage.BANK_ANSWER
    words = "待银行审批"


@dataclass(frozen=True, slots=True)
class Ended:
    words = "已办结"


type UnderWay = Filed | Recommended | Endorsed
type Application = NoApplication | UnderWay | Ended


def evolve(state: Application, event: ApplicationEvent) -> Application:
    match event, state:
        case ApplicationFiled(), _:
            dossier = Dossier(
                event.application_id,
                event.member_id,
                event.household_id,
                event.union_id,
                event.bank,
                event.amount,
            )
            return Filed(dossier, event.recommend_by)
        case ApplicationRecommended(by=by, endorse_by=endorse_by), Filed(dossier=dossier):
            return Recommended(dossier, endorse_by, by)
        case LoanEndorsed(assessed=assessed, answer_by=answer_by), Recommended(dossier=dossier):
            return Endorsed(dossier, answer_by, assessed)
        case (
            ApplicationRejected() | ApplicationWithdrawn() | ApplicationLapsed() | LoanAccepted() | LoanDeclined(),
            _,
        ):
            return Ended()
        case _:
            return state


APPLICATION: Final[Aggregate[Application, ApplicationEvent]] = Aggregate("application", NoApplication(), evolve)
