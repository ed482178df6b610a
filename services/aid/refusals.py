"""Why mutual aid refuses, rejects and reduces, in the words of its clauses (see the README for their subjects)."""

from typing import Final

from shared.schemas.aid import ExclusionGround, RejectionGround
from shared.schemas.messages import Reason

SCHEME: Final = "职工医疗互助保障 第1条"
ENROLMENT: Final = "职工医疗互助保障 第2条"
COVER: Final = "职工医疗互助保障 第3条"
BENEFIT: Final = "职工医疗互助保障 第4条"
CEILING: Final = "职工医疗互助保障 第5条"
WAITING: Final = "职工医疗互助保障 第6条"
FILING: Final = "职工医疗互助保障 第7条"
ASSESSING: Final = "职工医疗互助保障 第8条"
ONE_STOP: Final = "职工医疗互助保障 第9条"
INVOICES: Final = "职工医疗互助保障 第10条"
PAYING: Final = "职工医疗互助保障 第11条"
REVERSING: Final = "职工医疗互助保障 第12条"
APPOINTMENTS: Final = "职工医疗互助保障 第13条"
FOUR_EYES: Final = "职工医疗互助保障 第8条（四眼原则）"
CONSENT_TO_SHARE: Final = "个人信息保护法 第23条"
CONSENT: Final = "个人信息保护法 第29条"
DUTIES: Final = "岗位职责"

# The scheme
NO_SCHEME = Reason("no_scheme", SCHEME, "{federation}在{on}没有医疗互助保障办法")
NOT_YOUR_POOL = Reason("not_your_pool", SCHEME, "办法由统筹地总工会{pool}公布")
SCHEME_IN_PAST = Reason(
    "scheme_in_past", SCHEME, "办法自公布之次日起或以后生效，不能从{on}起；已发生的住院按入院时的办法审核"
)
SCHEME_EXISTS = Reason("scheme_exists", SCHEME, "{pool}已有版本{version}或自{on}起生效的办法")
NOT_A_PERIOD = Reason("not_a_period", SCHEME, "保障期自{first}起，不是{period}")
AFTER_TODAY = Reason("after_today", SCHEME, "日期{on}晚于业务日期{today}")

# Enrolment
NOT_YOUR_EMPLOYER = Reason("not_your_employer", ENROLMENT, "由本单位工会办理参保")
UNKNOWN_EMPLOYER = Reason("unknown_employer", ENROLMENT, "没有登记这个单位")
ENROLMENT_EXISTS = Reason("enrolment_exists", ENROLMENT, "该参保编号已被使用")
UNKNOWN_ENROLMENT = Reason("unknown_enrolment", ENROLMENT, "没有这批参保")
NOBODY_TO_ENROL = Reason("nobody_to_enrol", ENROLMENT, "名单中没有可参保的职工")
NOTHING_TO_RENEW = Reason("nothing_to_renew", ENROLMENT, "上一保障期没有本单位的在保职工")
ABOVE_FEE = Reason("above_fee", ENROLMENT, "单位缴费{part}元不得超过每人{fee}元")
OTHER_SPLIT = Reason("other_split", ENROLMENT, "本单位本期已约定单位缴费每人{part}元，不能改为{asked}元")
WRONG_PREMIUM = Reason("wrong_premium", ENROLMENT, "应缴{due}元，不是{amount}元")
PREMIUM_PAID = Reason("premium_paid", ENROLMENT, "这部分已于{on}缴清")
NO_PREMIUM_DUE = Reason("no_premium_due", ENROLMENT, "这部分无需缴费")
ENROLMENT_ENDED = Reason("enrolment_ended", ENROLMENT, "这批参保已撤回或失效")
PARTLY_PAID = Reason("partly_paid", ENROLMENT, "已有缴费，不能撤回")
PERIOD_OVER = Reason("period_over", ENROLMENT, "保障期已于{last}结束")

# Cover
NOT_COVERED = Reason("not_covered", COVER, "入院日{on}不在保障期内")
NOT_PAID_UP = Reason("not_paid_up", COVER, "单位和个人缴费尚未全部到账，保障未生效")
CARE_NOT_ACCEPTED = Reason("care_not_accepted", COVER, "保障范围为{accepted}，不含{care}")
IN_WAITING_TIME = Reason("in_waiting_time", WAITING, "新参保等待期至{last}，入院日{on}在等待期内")
COVER_NOT_ENDED = Reason("no_cover_to_end", COVER, "没有可终止的保障")

# Filing
CLAIM_EXISTS = Reason("claim_exists", FILING, "该申请编号已被使用")
UNKNOWN_CLAIM = Reason("unknown_claim", FILING, "没有这笔申请")
NOT_YOURS = Reason("not_yours", FILING, "只有本人可以办理")
NOT_YOUR_UNION = Reason("not_your_union", FILING, "由职工所在的基层工会代办")
NO_CONSENT = Reason("no_consent", CONSENT, "职工没有委托{by}代办")
NOT_A_MEMBER = Reason("not_a_member", FILING, "职工不在会员名册中")
STAY_DAYS = Reason("stay_days", FILING, "出院日{discharged_on}早于入院日{admitted_on}")
STILL_IN_HOSPITAL = Reason("still_in_hospital", FILING, "出院后办理，出院日{on}晚于业务日期{today}")
TOO_LATE = Reason("too_late", FILING, "须在出院后{days}日内申报，已于{last}截止")
WRONG_BILL = Reason("wrong_bill", FILING, "医保和其他支付合计超过总费用")
NOT_MISSING = Reason("not_missing", FILING, "没有待补的材料：{documents}")
NOT_AT_THIS_STAGE = Reason("not_at_this_stage", ASSESSING, "申请目前{stage}，不能办理这一步")

# Assessing
OWN_CLAIM = Reason("own_claim", FOUR_EYES, "不能办理本人的申请")
FILED_BY_YOU = Reason("filed_by_you", FOUR_EYES, "代为申报的人不能审批同一笔申请")
SAME_PERSON_TWICE = Reason("same_person_twice", FOUR_EYES, "待遇超过{above}元，须由初审以外的人复核和审批")
NOT_REVIEWED = Reason("not_reviewed", FOUR_EYES, "待遇超过{above}元，须先复核")
DOCUMENTS_MISSING = Reason("documents_missing", FILING, "尚缺材料：{documents}")
NOTHING_TO_PAY = Reason("nothing_to_pay", BENEFIT, "无应付待遇：{findings}")
NOT_REDUCED = Reason("not_reduced", REVERSING, "这笔申请没有因年度限额减付")

# Invoices
INVOICE_COUNTED = Reason("invoice_counted", INVOICES, "票据{numbers}已用于另一笔申请，全市一张票据只计一次")
INVOICE_TWICE = Reason("invoice_twice", INVOICES, "同一张票据列了两次")

# One-stop settlement
NOT_YOUR_HOSPITAL = Reason("not_your_hospital", ONE_STOP, "由{hospital}办理，其他医院不能办理")
HOSPITAL_NOT_JOINED = Reason("hospital_not_joined", ONE_STOP, "{hospital}在{on}没有开通一站式结算")
SETTLEMENT_DIFFERS = Reason("settlement_differs", ONE_STOP, "结算流水号{number}已用于内容不同的结算")
SETTLEMENT_CANCELLED = Reason("settlement_cancelled", ONE_STOP, "这笔结算已撤销，请使用新的结算流水号")
UNKNOWN_SETTLEMENT = Reason("unknown_settlement", ONE_STOP, "没有结算流水号为{number}的结算")
UNKNOWN_PATIENT = Reason("unknown_patient", CONSENT_TO_SHARE, "没有持此身份证号、同意向{hospital}提供信息的职工")
QUOTE_LAPSED = Reason("quote_lapsed", ONE_STOP, "报价已失效，请重新报价")

# Paying
NOTHING_DUE = Reason("nothing_due", PAYING, "没有应付款项")
PAYMENT_UNDER_WAY = Reason("payment_under_way", PAYING, "有支付指令正在办理")
NO_ACCOUNT = Reason("no_account", PAYING, "没有登记收款账户")
ACCOUNT_NOT_CORRECTED = Reason("account_not_corrected", PAYING, "上次支付被银行退回，更正账户后才能重新支付")
SUCCESSOR_NEEDED = Reason("successor_needed", PAYING, "职工已去世，确定继承人后才能支付")
AWAITS_CITY = Reason("awaits_city", INVOICES, "票据{numbers}等待市级登记核对，核对后自动支付")
COUNTED_IN_THE_CITY = Reason("counted_in_the_city", INVOICES, "票据{numbers}已在本市其他县（市、区）计入，核实前不支付")
PAYEE_ALIVE = Reason("payee_alive", PAYING, "收款人没有去世的记录")
BATCH_EXISTS = Reason("batch_exists", PAYING, "该批次编号已被使用")
NOTHING_TO_BATCH = Reason("nothing_to_batch", PAYING, "没有待支付的指令")
UNKNOWN_PAYMENT = Reason("unknown_payment", PAYING, "没有这笔支付")
UNKNOWN_BATCH = Reason("unknown_batch", PAYING, "没有这个批次")
NOT_AT_THE_BANK = Reason("not_at_the_bank", PAYING, "支付指令{state}，不能登记银行结果")

# Reversing and reopening
PAY_FIRST = Reason("pay_first", REVERSING, "应付款项付清后才能重新审核")
NOTHING_OWED_BACK = Reason("nothing_owed_back", REVERSING, "应收回{owed}元，不能是{amount}元")
RECOVERED_ALREADY = Reason("recovered_already", REVERSING, "多付款已由收款人退回，银行退回的同一笔款项须人工核对")

# Appointments
SLOT_EXISTS = Reason("slot_exists", APPOINTMENTS, "该时段编号已被使用")
UNKNOWN_SLOT = Reason("unknown_slot", APPOINTMENTS, "没有这个预约时段")
SLOT_FULL = Reason("slot_full", APPOINTMENTS, "这个时段已约满")
SLOT_PAST = Reason("slot_past", APPOINTMENTS, "这个时段已开始")
ALREADY_BOOKED = Reason("already_booked", APPOINTMENTS, "已有一个尚未结束的预约")
NOT_BOOKED = Reason("not_booked", APPOINTMENTS, "没有这个预约")

# Who may know
NOT_CONCERNED = Reason("not_concerned", DUTIES, "只有本人、所在基层工会和总工会可以查询")
UNKNOWN_EMPLOYER = Reason("unknown_employer", ENROLMENT, "没有这个单位")
WHOSE_CLAIMS = Reason("whose_claims", DUTIES, "请指明职工或基层工会")

REJECTIONS: Final = {
    RejectionGround.DOCUMENTS: (FILING, "限期内未补齐材料"),
    RejectionGround.UNTRUE: (FILING, "材料不实"),
    RejectionGround.INVOICE_COUNTED: (INVOICES, "票据已报销"),
    RejectionGround.NOT_ACCEPTED: (COVER, "不属保障范围"),
    RejectionGround.NOTHING_TO_PAY: (BENEFIT, "无应付待遇"),
    RejectionGround.OTHER_COMPENSATION: (BENEFIT, "已获第三方赔付"),
}
"""The clause of each ground, and its words."""

EXCLUSIONS: Final = {
    ExclusionGround.NOT_ACCEPTED: (COVER, "不属保障范围的费用"),
    ExclusionGround.OTHER_COMPENSATION: (BENEFIT, "第三方已赔付的费用"),
    ExclusionGround.UNPROVED: (INVOICES, "无有效票据的费用"),
}
