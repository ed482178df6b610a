"""On what grounds notify refuses."""

from shared.schemas.messages import Reason

__all__ = ["NOT_WAITING", "NOT_YOURS", "NO_SUCH_NOTIFICATION"]

NO_SUCH_NOTIFICATION = Reason("no_such_notification", "通知 第1条", "没有这条通知")
NOT_WAITING = Reason("not_waiting", "通知 第2条", "通知现在的状态是{status}，已尝试{attempts}次，不能再这样发送")
NOT_YOURS = Reason("not_yours", "通知 第3条", "只能查看发给自己的通知")
