"""What mutual aid answers, and to whom; who is shown what stands in the README."""

from typing import Any, Final

from services.aid.answers.claims import find_claims, show_claim, show_desk
from services.aid.answers.covers import show_contract, show_cover
from services.aid.answers.files import show_batch_file, show_enrolment_lines
from services.aid.answers.fund import show_fund
from services.aid.answers.operations import show_operations
from services.aid.answers.settlements import reconcile_hospital_day, show_hospital_day, show_settlement
from services.aid.answers.slots import find_slots
from shared.runtime.queries import Answers
from shared.schemas.aid import (
    FindClaims,
    FindSlots,
    ReconcileHospitalDay,
    ShowBatchFile,
    ShowClaim,
    ShowContract,
    ShowCover,
    ShowDesk,
    ShowEnrolmentLines,
    ShowFund,
    ShowHospitalDay,
    ShowOperations,
    ShowSettlement,
)
from shared.schemas.messages import Query

__all__ = ["ANSWERS"]

ANSWERS: Final[dict[type[Query[Any]], Answers]] = {
    ShowCover: show_cover,
    ShowContract: show_contract,
    ShowClaim: show_claim,
    FindClaims: find_claims,
    ShowDesk: show_desk,
    ShowSettlement: show_settlement,
    ShowHospitalDay: show_hospital_day,
    ReconcileHospitalDay: reconcile_hospital_day,
    ShowFund: show_fund,
    ShowOperations: show_operations,
    ShowEnrolmentLines: show_enrolment_lines,
    ShowBatchFile: show_batch_file,
    FindSlots: find_slots,
}
