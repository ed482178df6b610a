"""Why the craftsman loan refuses, in the words of its clauses (see the README for their subjects).

Refusals that rest on the federation's figures stand with those: `services.loan.rules`, `.rates`, `.assessment`.
"""

from typing import Final

from shared.schemas.messages import Reason

WHO: Final = "匠心贷 第1条"
LIMIT: Final = "匠心贷 第3条"
RATE: Final = "匠心贷 第4条"
TERMS: Final = "匠心贷 第5条"
PROCEDURE: Final = "匠心贷 第6条"
DRAWING: Final = "匠心贷 第7条"
REPAYING: Final = "匠心贷 第8条"
KEEPING: Final = "匠心贷 第9条"
FOUR_EYES: Final = "匠心贷 第6条（四眼原则）"
CONSENT: Final = "个人信息保护法 第23条"
ERASURE: Final = "个人信息保护法 第47条"

# Who
NOT_A_MEMBER = Reason("not_a_member", WHO, "匠心贷面向工会会员，申请人不在会员名册中")
NOT_ELIGIBLE = Reason("not_eligible", WHO, "匠心贷面向技能岗位职工和技能、劳动荣誉获得者，目前不符合条件")
NOT_YOURS = Reason("not_yours", WHO, "只有本人可以办理")
NO_CONSENT = Reason("no_consent", CONSENT, "申请人没有单独同意向银行（{bank}）提供个人信息")
MEANS_ERASED = Reason("means_erased", ERASURE, "申请人的个人信息已经删除，不能再核定额度")

# Who may look
NOT_CONCERNED = Reason("not_concerned", "岗位职责", "只有本人、所在基层工会、总工会和经办银行可以查询")

# How much
ABOVE_TIER_CAP = Reason("above_tier_cap", LIMIT, "{tier}每户最高{cap}元，不能是{amount}元")
ABOVE_ASSESSED = Reason("above_assessed", LIMIT, "额度不得超过核定的{assessed}元")
NOTHING_ASSESSED = Reason("nothing_assessed", LIMIT, "按生产周期、信用状况、用途和偿还能力，核定额度为零：{findings}")
HOUSEHOLD_CAP = Reason("household_cap", LIMIT, "额度按单户合计，本户还可授信{room}元，不足{amount}元")
TIER_NOT_OFFERED = Reason("tier_not_offered", LIMIT, "本地没有{tier}")
LINE_EXISTS = Reason("line_exists", LIMIT, "每人只有一个循环额度，申请人已有额度")
BELOW_USED = Reason("below_used", LIMIT, "额度不得低于已用{used}元与待放款{pending}元之和")

# At what rate
ABOVE_TIER_RATE = Reason("above_tier_rate", RATE, "年利率不得高于{tier}的{annual_percent}%")
RATES_IN_PAST = Reason("rates_in_past", RATE, "利率自公布之日起或以后生效，不能从{on}起")
NOT_YOUR_RATES = Reason("not_your_rates", RATE, "利率表{table}由{publisher}公布")
MALFORMED_BANDS = Reason("malformed_bands", RATE, "利率分档应按期限由短到长排列，只有最后一档不设期限")

# For how long, repaid how
LINE_TERM_NOT_OFFERED = Reason(
    "line_term_not_offered", TERMS, "额度有效期须为{shortest}至{longest}个月，不能是{months}个月"
)
FORM_NOT_OFFERED = Reason("form_not_offered", TERMS, "不提供“{form}”还款方式")
DRAW_BEYOND_LINE = Reason("draw_beyond_line", TERMS, "借款到期日{due}不得晚于额度到期日{expires_on}")

# Procedure
APPLICATION_EXISTS = Reason("application_exists", PROCEDURE, "该申请编号已被使用")
APPLICATION_UNDER_WAY = Reason("application_under_way", PROCEDURE, "申请人已有一笔申请正在办理")
UNKNOWN_APPLICATION = Reason("unknown_application", PROCEDURE, "没有这笔申请")
NOT_AT_THIS_STAGE = Reason("not_at_this_stage", PROCEDURE, "申请目前{stage}，不能办理这一步")
NOT_YOUR_UNION = Reason("not_your_union", PROCEDURE, "申请由申请人所在的基层工会办理")
NOT_YOUR_BANK = Reason("not_your_bank", PROCEDURE, "由{bank}办理，其他银行不能办理")
OWN_APPLICATION = Reason("own_application", FOUR_EYES, "不能办理本人的申请")
OWN_LINE = Reason("own_line", FOUR_EYES, "不能办理本人的额度")
SAME_PERSON_TWICE = Reason("same_person_twice", FOUR_EYES, "推荐人不能核准同一笔申请")
LINE_ID_USED = Reason("line_id_used", PROCEDURE, "该额度编号已被使用")

# Drawing
UNKNOWN_LINE = Reason("unknown_line", DRAWING, "没有这个额度")
ABOVE_AVAILABLE = Reason("above_available", DRAWING, "可支用{available}元，不足{amount}元")
LINE_FROZEN = Reason("line_frozen", DRAWING, "额度已冻结，不能支用")
LINE_EXPIRED = Reason("line_expired", DRAWING, "额度已于{expires_on}到期，不能支用")
OVERDUE_FIRST = Reason("overdue_first", DRAWING, "有逾期未还，还清逾期后才能支用")
DRAW_ID_USED = Reason("draw_id_used", DRAWING, "该支用编号已被使用")
DRAW_NOT_PENDING = Reason("draw_not_pending", DRAWING, "没有待放款的这笔支用")
ALREADY_DISBURSED = Reason("already_disbursed", DRAWING, "这笔支用已放款")

# Repaying
AFTER_TODAY = Reason("after_today", REPAYING, "日期{on}晚于业务日期{today}")
BEFORE_OPENING = Reason("before_opening", REPAYING, "日期{on}早于额度开立日{opened_on}")
BEFORE_REQUEST = Reason("before_request", REPAYING, "放款日{on}早于支用申请日{requested_on}")
REPAYMENT_ID_USED = Reason("repayment_id_used", REPAYING, "该还款编号已被使用")
UNKNOWN_REPAYMENT = Reason("unknown_repayment", REPAYING, "没有这笔还款")
ALREADY_REVERSED = Reason("already_reversed", REPAYING, "这笔还款已冲正")
UNKNOWN_DRAW = Reason("unknown_draw", REPAYING, "额度下没有这笔借款")
ABOVE_CREDIT = Reason("above_credit", REPAYING, "溢缴款只有{credit}元，不足{amount}元")
CREDIT_SPENT = Reason("credit_spent", REPAYING, "由此形成的溢缴款已退还，须先收回退款")

STATEMENT_DAYS = Reason("statement_days", REPAYING, "对账单的起始日{since}晚于截止日{until}")

# Keeping the line
LINE_IS_CLOSED = Reason("line_closed", KEEPING, "额度已关闭")
ALREADY_FROZEN = Reason("already_frozen", KEEPING, "额度已由贵方冻结")
NOT_FROZEN_BY_YOU = Reason("not_frozen_by_you", KEEPING, "额度没有被贵方冻结，由谁冻结由谁解冻")
DRAW_PENDING = Reason("draw_pending", KEEPING, "有待放款的支用，不能关闭额度")
STILL_OWED = Reason("still_owed", KEEPING, "还欠{owed}元，还清后才能关闭额度")
CREDIT_LEFT = Reason("credit_left", KEEPING, "有溢缴款{credit}元未退还，不能关闭额度")
