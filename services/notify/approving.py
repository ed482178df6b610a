"""Whether vendors of text messages take a template's words: draft, submitted, approved or refused; and again."""

from dataclasses import dataclass

from services.notify.refusals import NOT_A_TEMPLATE, NOT_SUBMITTED
from shared.eventsourcing.decider import Aggregate, Facts
from shared.schemas.messages import Event
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

__all__ = ["ApprovalFacts", "approval", "approval_key", "decide"]

type ApprovalCommand = SubmitTemplate | RecordApproval | RecordRefusal


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFacts(Facts):
    templates: frozenset[TemplateRef]
    """Those that go by text message."""


def approval_key(provider: str, template: TemplateRef) -> str:
    return f"{provider}.{template}"


def decide(command: ApprovalCommand, state: Approval, facts: ApprovalFacts) -> list[Event]:
    provider, template = command.provider, command.template
    if template not in facts.templates:
        raise NOT_A_TEMPLATE(template=str(template))
    match command, state:
        case SubmitTemplate(), Approval.DRAFT | Approval.REFUSED:
            return [TemplateSubmitted(provider=provider, template=template, at=facts.now)]
        case SubmitTemplate(), _:
            return []
        case RecordApproval(code=code), Approval.SUBMITTED:
            return [TemplateApproved(provider=provider, template=template, code=code, at=facts.now)]
        case RecordRefusal(reason=reason), Approval.SUBMITTED | Approval.APPROVED:  # a vendor may withdraw it
            return [TemplateRefused(provider=provider, template=template, reason=reason, at=facts.now)]
        case RecordApproval(), Approval.APPROVED:
            return []
        case _:
            raise NOT_SUBMITTED(template=str(template), provider=provider, approval=str(state))


def evolve(state: Approval, event: Event) -> Approval:
    match event:
        case TemplateSubmitted():
            return Approval.SUBMITTED
        case TemplateApproved():
            return Approval.APPROVED
        case TemplateRefused():
            return Approval.REFUSED
        case _:
            return state


approval: Aggregate[Approval, Event] = Aggregate("approval", Approval.DRAFT, evolve)
