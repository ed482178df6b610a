"""Care, damage, repair, loss, finding, writing off: each decision and each refusal."""

import pytest

from shared.schemas.lending import (
    CareStep,
    Damaged,
    DeclareFound,
    DeclareLost,
    Disinfected,
    Found,
    Inspected,
    ItemCommand,
    Lost,
    RecordCare,
    Repaired,
    RepairItem,
    ReportDamage,
    WriteOff,
    WrittenOff,
)
from shared.schemas.messages import Event
from tests.services.lending.cases import (
    CADRE,
    CANTEEN,
    CARE,
    CODE,
    FIRST,
    GATE,
    HELMET,
    LI,
    NOON,
    OFFICER,
    OUT,
    OVERDUE,
    PLACED,
    freed,
    lending,
    returned,
)

BACK = (*OUT, returned(NOON), freed())
INSPECT, DISINFECT = (RecordCare(code=CODE, step=step) for step in CareStep)
INSPECTED, DISINFECTED = Inspected(**HELMET, point_id=CANTEEN), Disinfected(**HELMET, point_id=CANTEEN)
BREAK = ReportDamage(code=CODE, note="帽壳开裂")
DAMAGED = Damaged(**HELMET, point_id=GATE, note="帽壳开裂")
LOST = Lost(**HELMET, point_id=GATE, loan_id=None, member_id=None, lost_at=NOON)
LOSE, FIND = DeclareLost(code=CODE), DeclareFound(code=CODE, point_id=CANTEEN)
OFF = WriteOff(code=CODE, note="无法修复")
WRITTEN_OFF = WrittenOff(**HELMET, point_id=GATE, note="无法修复")


def test_a_returned_helmet_is_inspected_and_disinfected_in_either_order() -> None:
    lending.given(*BACK).when(INSPECT, actor=CADRE).then(INSPECTED)
    lending.given(*BACK, INSPECTED).when(DISINFECT, actor=CADRE).then(DISINFECTED)
    lending.given(*BACK).when(DISINFECT, actor=CADRE).then(DISINFECTED)
    lending.given(*BACK, INSPECTED).when(INSPECT, actor=CADRE).refused("no_care_due")
    lending.given(PLACED).when(DISINFECT, actor=OFFICER).refused("no_care_due")


def test_what_is_found_damaged_is_repaired_and_cared_for_anew() -> None:
    lending.given(PLACED).when(BREAK, actor=OFFICER).then(DAMAGED)
    lending.given(PLACED, DAMAGED).when(BREAK, actor=OFFICER).nothing()
    repaired = Repaired(**HELMET, point_id=GATE, care=CARE)
    lending.given(PLACED, DAMAGED).when(RepairItem(code=CODE), actor=OFFICER).then(repaired)
    lending.given(PLACED).when(RepairItem(code=CODE), actor=OFFICER).refused("not_damaged")
    lending.given(*OUT).when(BREAK, actor=OFFICER).refused("not_on_hand")
    lending.given(PLACED, LOST).when(BREAK, actor=OFFICER).refused("not_on_hand")


def test_what_its_borrower_lost_ends_the_loan() -> None:
    lost = Lost(**HELMET, point_id=GATE, loan_id=FIRST, member_id=LI, lost_at=NOON)
    lending.given(*OUT).when(LOSE, actor=OFFICER).then(lost, freed())
    lending.given(*OVERDUE).when(LOSE, actor=CADRE).then(lost, freed())
    lending.given(*OUT, lost, freed()).when(LOSE, actor=OFFICER).nothing()


def test_what_is_missing_from_its_shelf_is_lost_and_found_again() -> None:
    lending.given(PLACED).when(LOSE, actor=OFFICER).then(LOST)
    found = Found(**HELMET, from_point_id=GATE, point_id=CANTEEN, care=CARE)
    lending.given(PLACED, LOST).when(FIND, actor=CADRE).then(found)
    lending.given(PLACED).when(FIND, actor=OFFICER).refused("not_lost")


@pytest.mark.parametrize("gone", [DAMAGED, LOST])
def test_what_is_damaged_or_lost_is_written_off_and_that_is_the_end(gone: Event) -> None:
    lending.given(PLACED, gone).when(OFF, actor=OFFICER).then(WRITTEN_OFF)
    for command in (BREAK, RepairItem(code=CODE), LOSE, FIND, OFF, INSPECT):
        lending.given(PLACED, gone, WRITTEN_OFF).when(command, actor=OFFICER).refused("written_off")
    lending.given(PLACED).when(OFF, actor=OFFICER).refused("not_gone")


@pytest.mark.parametrize("command", [INSPECT, BREAK, RepairItem(code=CODE), LOSE, FIND])
def test_only_the_point_s_own_cadres_keep_its_items(command: ItemCommand) -> None:
    history = (PLACED, LOST) if command is FIND else (PLACED,)
    lending.given(*history).when(command, actor=CADRE, acts_for=frozenset()).refused("not_your_union")
    lending.given().when(command, actor=OFFICER).refused("unknown_code")
