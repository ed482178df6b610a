"""A member's consents, as a read model keeps those that concern it: in a column of the member's row."""

from datetime import date
from typing import Any

from shared.schemas.registry import ConsentGiven, ConsentWithdrawn

__all__ = ["in_force", "with_given", "without_withdrawn"]

type Consents = list[dict[str, Any]]
"""Each as its event has it: `consent_id`, `to`, and `on` and `until` as ISO text, `until` None where it has no end."""


def with_given(consents: Consents, event: ConsentGiven) -> Consents:
    return [*consents, event.model_dump(mode="json", include={"consent_id", "to", "on", "until"})]


def without_withdrawn(consents: Consents, event: ConsentWithdrawn) -> Consents:
    """The same where it is not among them: it was for another purpose."""
    return [consent for consent in consents if consent["consent_id"] != str(event.consent_id)]


def in_force(consents: Consents, today: date) -> Consents:
    """From its first day to its last, both included."""
    day = today.isoformat()
    return [consent for consent in consents if consent["on"] <= day <= (consent["until"] or day)]
