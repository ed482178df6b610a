"""On what grounds the registry refuses; the forms of numbers are refused in `identity`."""

from collections.abc import Mapping
from typing import Final

from shared.schemas.messages import Reason, Role
from shared.schemas.registry import FederationLevel

LEVEL_WORDS: Final[Mapping[FederationLevel, str]] = {
    FederationLevel.PROVINCE: "省级",
    FederationLevel.CITY: "市级",
    FederationLevel.COUNTY: "县级",
}
ROLE_WORDS: Final[Mapping[Role, str]] = {
    Role.MEMBER: "会员",
    Role.CADRE: "工会干部",
    Role.OFFICER: "总工会工作人员",
    Role.BANK: "银行",
    Role.HOSPITAL: "医院",
    Role.OPERATOR: "系统管理员",
    Role.SYSTEM: "系统",
}

NOT_YOURS = Reason("not_yours", "岗位职责", "{role}只能办理本人、本工会或本级总工会的事项")
NO_SUCH_FEDERATION = Reason("no_such_federation", "工会组织 第1条", "没有登记编码为{code}的总工会")
FEDERATION_EXISTS = Reason("federation_exists", "工会组织 第1条", "编码为{code}的总工会已经登记")
PARENT_NOT_ABOVE = Reason(
    "parent_not_above", "工会组织 第1条", "上级总工会须高于本级：{level}的上级不能是{parent_level}"
)
NO_SUCH_EMPLOYER = Reason("no_such_employer", "工会组织 第2条", "没有登记这个单位")
EMPLOYER_EXISTS = Reason("employer_exists", "工会组织 第2条", "这个单位已经登记")
CREDIT_CODE_TAKEN = Reason("credit_code_taken", "GB 32100", "统一社会信用代码{code}已由其他单位登记")
CREDIT_CODE_OF_UNION = Reason("credit_code_of_union", "GB 32100", "以8开头的代码是工会的，不是用人单位的")
CREDIT_CODE_NOT_OF_UNION = Reason("credit_code_not_of_union", "GB 32100", "基层工会的代码以81开头")
NO_SUCH_UNION = Reason("no_such_union", "工会组织 第3条", "没有登记这个基层工会")
UNION_EXISTS = Reason("union_exists", "工会组织 第3条", "这个基层工会已经登记")
UNION_DISSOLVED = Reason("union_dissolved", "工会组织 第3条", "这个基层工会已经撤销")
UNION_HAS_MEMBERS = Reason("union_has_members", "工会组织 第3条", "还有{members}名会员，须先转会或者终止会籍")
ONE_EMPLOYER_ONLY = Reason("one_employer_only", "工会组织 第3条", "单建工会只属于一个单位")
EMPLOYER_COVERED = Reason("employer_covered", "工会组织 第3条", "单位已由其他基层工会覆盖")
EMPLOYER_NOT_COVERED = Reason("employer_not_covered", "工会组织 第3条", "单位不在这个基层工会的覆盖范围内")
NOT_A_CONTACT = Reason("not_a_contact", "工会组织 第4条", "此人现在没有这项职责")
CHAIR_IN_OFFICE = Reason("chair_in_office", "工会组织 第4条", "已有在任主席，须先免去")
NO_SUCH_MEMBER = Reason("no_such_member", "会员登记 第1条", "没有登记这名会员")
MEMBER_EXISTS = Reason("member_exists", "会员登记 第1条", "这个会员编号已经登记")
IDENTITY_TAKEN = Reason("identity_taken", "GB 11643", "这个身份证号码已经登记")
NAME_DIFFERS = Reason("name_differs", "GB 11643", "这个身份证号码已由其他工会登记，姓名不同，请核对号码")
MEMBERSHIP_ENDED = Reason("membership_ended", "会员登记 第2条", "会籍已经终止，须先转入")
MEMBER_ERASED = Reason("member_erased", "个人信息保护法 第47条", "此人的个人信息已经删除")
IN_THE_FUTURE = Reason("in_the_future", "会员登记 第3条", "日期{on}在今天之后")
NO_SUCH_HOUSEHOLD = Reason("no_such_household", "会员登记 第4条", "没有这个户")
HOUSEHOLD_EXISTS = Reason("household_exists", "会员登记 第4条", "这个户已经有人，须办理入户")
NO_SUCH_HONOUR = Reason("no_such_honour", "会员登记 第5条", "没有这项荣誉，或者已经撤销")
HONOUR_EXISTS = Reason("honour_exists", "会员登记 第5条", "这项荣誉已经登记")
HONOUR_ENDS_BEFORE = Reason("honour_ends_before", "会员登记 第5条", "荣誉的截止日期在授予日期之前")
NO_ACCOUNT = Reason("no_account", "会员登记 第6条", "没有登记银行账户")
NO_SUCH_CONSENT = Reason("no_such_consent", "个人信息保护法 第15条", "没有这项同意，或者已经撤回")
CONSENT_ENDS_BEFORE = Reason("consent_ends_before", "个人信息保护法 第15条", "同意的截止日期在同意日期之前")
CONSENT_EXISTS = Reason("consent_exists", "个人信息保护法 第15条", "这项同意已经登记")
NO_CONSENT = Reason("no_consent", "个人信息保护法 第23条", "没有本人的单独同意，不能提供")
