"""Messages that the ways to send are tried with."""

from datetime import UTC, datetime

from services.notify.channels import Report, Sms
from shared.schemas.ids import new_id

MORNING = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
APPROVED = "【南浔区总工会】张建国您好，您的匠心贷已获银行批准：额度100,000元。"


def sms(text: str = APPROVED, to: str = "13867201234") -> Sms:
    return Sms(notification_id=new_id(), to=to, text=text, template="loan-accepted@1", at=MORNING)


class Heard:
    """Keeps reports, or fails to."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.broken = False

    async def __call__(self, reports: object) -> None:
        if self.broken:
            raise OSError("the database is away")
        assert isinstance(reports, list | tuple)
        self.reports.extend(reports)
