"""Why lending refuses, in the words of its clauses (see the README for their subjects)."""

from typing import Final

from shared.schemas.messages import Reason

WHO: Final = "共享物品 第1条"
BORROWING: Final = "共享物品 第2条"
RETURNING: Final = "共享物品 第3条"
EXTENDING: Final = "共享物品 第4条"
CARE: Final = "共享物品 第5条"
STOCK: Final = "共享物品 第6条"
SCANS: Final = "共享物品 第7条"

# Who
NO_POLICY = Reason("no_policy", WHO, "{federation}在{on}没有共享物品办法")
UNKNOWN_KIND = Reason("unknown_kind", WHO, "没有名为{kind}的共享物品")
NOT_A_MEMBER = Reason("not_a_member", WHO, "共享物品面向工会会员，借用人不在会员名册中")
NOT_YOURS = Reason("not_yours", WHO, "只能为本人借用")
NOT_CONCERNED = Reason("not_concerned", "岗位职责", "只有本人、所在基层工会和总工会可以查询")
NOT_YOUR_UNION = Reason("not_your_union", "岗位职责", "只有管理该借还点或借用人所在的基层工会可以办理")

# Borrowing
UNKNOWN_CODE = Reason("unknown_code", BORROWING, "没有编号为{code}的物品")
ITEM_OUT = Reason("item_out", BORROWING, "{code}已借出，尚未归还")
ONE_EACH = Reason("one_each", BORROWING, "每人同时只能借用一件{name}，请先归还{code}")
NOT_READY = Reason("not_ready", CARE, "{code}尚待{steps}，暂不能借用")
NOT_LENDABLE = Reason("not_lendable", BORROWING, "{code}{status}，不能借用")

# Returning
NOT_OUT = Reason("not_out", RETURNING, "{code}没有借出，不能归还")
UNKNOWN_POINT = Reason("unknown_point", RETURNING, "没有这个借还点")

# Extending
ALREADY_OVERDUE = Reason("already_overdue", EXTENDING, "{code}已逾期，不能延期，请先归还")
EXTENDED_ENOUGH = Reason("extended_enough", EXTENDING, "{code}已延期{times}次，不能再延期")

# Care
NO_CARE_DUE = Reason("no_care_due", CARE, "{code}不需要{step}")
NOT_ON_HAND = Reason("not_on_hand", CARE, "{code}不在借还点，不能办理")
NOT_DAMAGED = Reason("not_damaged", CARE, "{code}没有损坏，不能维修")

# Stock
NOT_LOST = Reason("not_lost", STOCK, "{code}没有遗失")
NOT_GONE = Reason("not_gone", STOCK, "{code}没有损坏或遗失，不能核销")
WRITTEN_OFF = Reason("written_off", STOCK, "{code}已核销")
POINT_EXISTS = Reason("point_exists", STOCK, "该借还点编号已被使用")
BATCH_EXISTS = Reason("batch_exists", STOCK, "批次{batch}已被使用")
POINTS_REPEATED = Reason("points_repeated", STOCK, "同一借还点不能分配两次")
NO_SHARE = Reason("no_share", STOCK, "批次{batch}没有分配给这个借还点")
TOO_MANY = Reason("too_many", STOCK, "一个批次最多{most}件，不能是{total}件")

# Scans
SCANNED_AHEAD = Reason("scanned_ahead", SCANS, "扫码时间{scanned_at}晚于当前时间，请校准设备时钟")
SCANNED_LONG_AGO = Reason("scanned_long_ago", SCANS, "扫码时间{scanned_at}距今超过{hours}小时，请联系工作人员")
SCAN_OUT_OF_ORDER = Reason("scan_out_of_order", SCANS, "扫码时间早于{code}上一次归还或入库的时间")
