"""Reports of Tencent Cloud that are pulled, from an account for which Tencent has opened that.

What was pulled is not told again: reports that could not be kept before the process ended are lost. Being called is
better.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.notify.channels import Hear, InboundReply, OutcomeUnknown, Receipt, Report, SendingRefused
from services.notify.providers.numbers import bare
from services.notify.providers.reporting import notification_in
from services.notify.providers.tencent import PULLED, Tencent, outcome_of
from shared.runtime.logs import log

__all__ = ["PullingTencent"]

_log = log(__name__)


class PullingTencent(Tencent):
    async def listen(self, hear: Hear) -> None:
        """Pull reports every `poll_seconds`, for ever."""
        assert self.account.poll_seconds is not None
        pulled: Sequence[Report] = ()
        while True:
            try:
                pulled = pulled or await self._pull()
                if pulled:
                    await hear(pulled)
                    more, pulled = len(pulled) >= PULLED, ()
                    if more:
                        continue
            except (SendingRefused, OutcomeUnknown) as away:
                _log.warning("reports are not pulled", provider=self.name, because=away.reason)
            except Exception as error:  # they are told once: they wait here until they can be kept
                _log.error("reports are not kept", provider=self.name, count=len(pulled), error=type(error).__name__)
            await asyncio.sleep(self.account.poll_seconds)

    async def _pull(self) -> Sequence[Report]:
        """What has happened since it was last asked. Raises SendingRefused and OutcomeUnknown."""
        asked = {"SmsSdkAppId": self.account.app_id, "Limit": PULLED}
        receipts = (await self.sdk.ask("PullSmsSendStatus", **asked)).PullSmsSendStatusSet or []
        reports: list[Report] = [_receipt(self.name, each) for each in receipts]
        try:
            written = (await self.sdk.ask("PullSmsReplyStatus", **asked)).PullSmsReplyStatusSet or []
        except (SendingRefused, OutcomeUnknown) as away:
            _log.warning("replies are not pulled", provider=self.name, because=away.reason)
            written = []
        return reports + [_reply(self.name, each) for each in written]


def _receipt(provider: str, status: Any) -> Receipt:
    return Receipt(
        provider=provider,
        provider_message_id=str(status.SerialNo),
        notification_id=notification_in(status.SessionContext),
        outcome=outcome_of(str(status.ReportStatus), str(status.Description)),
        at=datetime.fromtimestamp(int(status.UserReceiveTime or time.time()), UTC),
    )


def _reply(provider: str, reply: Any) -> InboundReply:
    number, at = bare(str(reply.PhoneNumber)), datetime.fromtimestamp(int(reply.ReplyTime), UTC)
    return InboundReply(provider=provider, from_number=number, text=str(reply.ReplyContent), at=at)
