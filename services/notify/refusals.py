"""On what grounds notify refuses."""

from shared.schemas.messages import Reason

__all__ = [
    "BAD_VALUES",
    "BOUND",
    "CANNOT_REFUSE",
    "CONTENT_GONE",
    "DIGEST_CLOSED",
    "NOT_A_TEMPLATE",
    "NOT_ENDED",
    "NOT_IN_DOUBT",
    "NOT_SUBMITTED",
    "NOT_WAITING",
    "NOT_WANTED",
    "NOT_YOURS",
    "NO_SUCH_NOTIFICATION",
    "NO_SUCH_TEMPLATE",
    "QUIET_NOW",
    "TOO_OLD",
]

NO_SUCH_NOTIFICATION = Reason("no_such_notification", "通知 第1条", "没有这条通知")
NOT_WAITING = Reason("not_waiting", "通知 第2条", "通知现在的状态是{status}，已尝试{attempts}次，不能再这样发送")
NOT_YOURS = Reason("not_yours", "通知 第3条", "只能查看或更改自己的通知")
QUIET_NOW = Reason("quiet_now", "通知 第4条", "免打扰时段内只发送款项和期限通知")
TOO_OLD = Reason("too_old", "通知 第5条", "通知已超过有效期，不再发送")
NOT_WANTED = Reason("not_wanted", "通知 第6条", "收件人已退订这类通知")
NOT_ENDED = Reason("not_ended", "通知 第7条", "通知现在的状态是{status}，尚未结束，不能重发")
CONTENT_GONE = Reason("content_gone", "通知 第8条", "通知的内容已超过保存期限或已删除，不能重发")
CANNOT_REFUSE = Reason("cannot_refuse", "通知 第9条", "{classes}通知不能退订")
NOT_A_TEMPLATE = Reason("not_a_template", "通知 第10条", "没有短信模板{template}")
NOT_SUBMITTED = Reason("not_submitted", "通知 第11条", "模板{template}没有在{provider}报审，现在的状态是{approval}")
DIGEST_CLOSED = Reason("digest_closed", "通知 第12条", "这份汇总已经发出")
NO_SUCH_TEMPLATE = Reason("no_such_template", "通知 第13条", "没有模板{template}")
BAD_VALUES = Reason("bad_values", "通知 第14条", "模板变量不对：{problem}")
NOT_IN_DOUBT = Reason("not_in_doubt", "通知 第15条", "通知现在的状态是{status}，没有结果不明的发送")
BOUND = Reason("bound", "通知 第16条", "这条通知曾经结果不明，只能继续由{provider}发送")
