"""Whether vendors take templates."""

from datetime import UTC, datetime

from services.notify.approving import ApprovalCommand, ApprovalFacts, approval, decide
from shared.eventsourcing.specification import Specification
from shared.schemas.messages import Actor, Event, Role
from shared.schemas.notify import (
    Approval,
    RecordApproval,
    RecordRefusal,
    SubmitTemplate,
    TemplateApproved,
    TemplateRef,
    TemplateRefused,
    TemplateSubmitted,
)

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
REF = TemplateRef(id="loan-accepted", version=1)
OF = {"provider": "aliyun", "template": REF}
FACTS = ApprovalFacts(
    now=NOON, actor=Actor(role=Role.OFFICER, id="zhang"), federation="330503", templates=frozenset({REF})
)

specification: Specification[ApprovalCommand, Approval, Event, ApprovalFacts] = Specification(
    approval.fold, decide, FACTS
)
given = specification.given

submit, approve = SubmitTemplate.model_validate(OF), RecordApproval.model_validate(OF | {"code": "SMS_1"})
refuse = RecordRefusal.model_validate(OF | {"reason": "变量过多"})
submitted = TemplateSubmitted.model_validate(OF | {"at": NOON})
approved = TemplateApproved.model_validate(OF | {"code": "SMS_1", "at": NOON})
refused = TemplateRefused.model_validate(OF | {"reason": "变量过多", "at": NOON})


def test_a_template_is_submitted_and_approved_under_the_vendors_code() -> None:
    given().when(submit).then(submitted)
    given(submitted).when(submit).nothing()
    given(submitted).when(approve).then(approved)
    given(submitted, approved).when(approve).nothing()
    given(submitted, approved).when(submit).nothing()


def test_a_refused_one_is_submitted_again() -> None:
    given(submitted).when(refuse).then(refused)
    given(submitted, refused).when(submit).then(submitted)


def test_a_vendor_may_withdraw_its_approval() -> None:
    given(submitted, approved).when(refuse).then(refused)


def test_nothing_is_approved_that_was_not_submitted() -> None:
    for history in ((), (submitted, refused)):
        given(*history).when(approve).refused("not_submitted", "通知 第11条")


def test_there_must_be_such_a_text_message() -> None:
    given().when(submit, templates=frozenset()).refused("not_a_template", "通知 第10条")
