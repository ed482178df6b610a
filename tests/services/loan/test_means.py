"""What members tell of their means: in clear nowhere but to those who may know it, and gone with their key."""

import json
from pathlib import Path
from typing import Any

import pytest

import shared.schemas
from services.loan.domain.application import APPLICATION
from services.loan.service import CODEC
from shared.eventsourcing.writer import Commit, NewEvent, Write
from shared.schemas.ids import new_id
from shared.schemas.loan import (
    ApplicationAnswer,
    ApplicationFiled,
    ApplicationId,
    BankWorkAnswer,
    Borrower,
    CadreListAnswer,
    ChangeLimit,
    DeclineLoan,
    EndorseApplication,
    FindApplications,
    Ground,
    LineOpened,
    LoanEndorsed,
    RecommendApplication,
    ShowApplication,
    ShowBankWork,
    ShowCadreList,
)
from shared.schemas.messages import Event
from shared.schemas.money import cny, fen
from shared.schemas.registry import EraseMember, ErasureGround, WithdrawConsent
from tests.services.loan.county import (
    BANK,
    MEMBER_RATE,
    OFFICER,
    County,
    Worker,
    accepting,
    application_of,
)
from tests.services.loan.test_reactions import heard
from tests.waiting import until

GOLDEN = Path(shared.schemas.__file__).with_name("golden") / "loan"
MEANS: dict[str, Any] = {
    "monthly_income": fen("13571.31"),
    "monthly_obligations": fen("1357.91"),
    "purpose_cost": fen("246813.57"),
    "purpose": "renovation",
    "standing": "good",
}
TOLD = Borrower(cycle_months=1, **MEANS)


async def endorsed(nanxun: County, worker: Worker, amount: str = "50000") -> ApplicationId:
    return await nanxun.endorsed(worker, amount, **MEANS)


async def erased(nanxun: County, worker: Worker) -> None:
    """Until the loan has destroyed the key."""
    await heard(nanxun, EraseMember(member_id=worker.member_id, ground=ErasureGround.CONSENT_WITHDRAWN))
    wrapped = "select wrapped from loan.keys where subject = $1"
    assert await nanxun.loan.store.pool.fetchval(wrapped, worker.member_id) is None


# In clear nowhere


async def test_no_figure_of_a_member_s_means_stands_in_clear_in_any_table_on_the_broker_or_in_print(
    nanxun: County, capfd: pytest.CaptureFixture[str]
) -> None:
    worker = await nanxun.worker()
    application = await endorsed(nanxun, worker)
    show = ShowApplication(application_id=application)
    shown: ApplicationAnswer = await nanxun.asks(OFFICER, show, after=nanxun.last.position)
    assert shown.findings is not None
    found = shown.findings.clear
    secrets = {"13571.31", "1357.91", "246813.57", "renovation", *(cny(one.allows) for one in found[1:])}
    secrets |= {one.words for one in found}
    accept = accepting(application, "30000", MEMBER_RATE)
    await nanxun.does(BANK, accept)
    await nanxun.does(BANK, ChangeLimit(line_id=accept.line_id, limit=fen(50_000)))
    poor, other = MEANS | {"monthly_income": fen("1357.91")}, await nanxun.worker()
    refused = await nanxun.refusal(other.actor, application_of(other, "1000", **poor))
    assert refused.code == "nothing_assessed"
    assert await clear_in_tables(nanxun, secrets) == set()
    assert await clear_in_messages(nanxun, secrets) == set()
    printed = capfd.readouterr()
    assert [secret for secret in secrets if secret in printed.out + printed.err] == []


async def head(nanxun: County) -> int:
    return await nanxun.loan.store.head()


async def clear_in_tables(nanxun: County, secrets: set[str]) -> set[str]:
    """Tables of the loan that show one of them."""
    pool, showing = nanxun.loan.store.pool, set()
    tables = await pool.fetch("select tablename from pg_tables where schemaname = 'loan'")
    assert {"events", "commits", "keys", "letters", "applications", "lines", "timers"} <= {row[0] for row in tables}
    for (table,) in tables:
        for (row,) in await pool.fetch(f"select t::text from loan.{table} t"):
            if any(secret in row for secret in secrets):
                showing.add(table)
    return showing


async def clear_in_messages(nanxun: County, secrets: set[str]) -> set[str]:
    """Subjects of the loan's stream whose messages show one of them."""
    last, showing = await head(nanxun), set()
    await until(lambda: nanxun.loan.relay.published == last)
    js = nanxun.loan.connection.jetstream()
    for sequence in range(1, last + 1):
        message = await js.get_msg("LOAN", seq=sequence)
        body = (message.data or b"").decode()
        if any(secret in body or json.dumps(secret) in body for secret in secrets):
            showing.add(str(message.subject))
    return showing


def test_the_text_form_of_means_and_findings_shows_nothing() -> None:
    assert (repr(TOLD), str(TOLD), f"{[TOLD]}") == ("Borrower(…)", "Borrower(…)", "[Borrower(…)]")


# Who may know


async def test_all_whom_an_application_concerns_are_told_of_the_means_it_rests_on(nanxun: County) -> None:
    worker = await nanxun.worker()
    application = await endorsed(nanxun, worker)
    show = ShowApplication(application_id=application)
    for actor in (worker.actor, nanxun.cadre, OFFICER, BANK):
        shown: ApplicationAnswer = await nanxun.asks(actor, show, after=nanxun.last.position)
        assert shown.borrower is not None
        assert shown.findings is not None
        assert (shown.borrower.clear, len(shown.findings.clear)) == (TOLD, 4)
    work: BankWorkAnswer = await nanxun.asks(BANK, ShowBankWork(bank="nxbank"))
    assert [one.findings for one in work.to_decide] == [shown.findings]


async def test_lists_tell_of_each_application_its_own_means(nanxun: County) -> None:
    workers = [await nanxun.worker() for _ in range(3)]
    for number, worker in enumerate(workers, 1):
        await nanxun.applies(worker, monthly_income=fen(10_000 * number))
    query = ShowCadreList(union_id=nanxun.union_id)
    listed: CadreListAnswer = await nanxun.asks(nanxun.cadre, query, after=nanxun.last.position)
    incomes = [one.borrower.clear.monthly_income for one in listed.to_recommend if one.borrower is not None]
    assert incomes == [fen(10_000), fen(20_000), fen(30_000)]


async def test_a_bank_learns_no_more_of_the_means_once_consent_is_withdrawn_and_may_still_answer(
    nanxun: County,
) -> None:
    worker = await nanxun.worker()
    application = await endorsed(nanxun, worker)
    assert worker.consent_id is not None
    withdrawn = WithdrawConsent(member_id=worker.member_id, consent_id=worker.consent_id)
    await heard(nanxun, withdrawn, worker.actor)
    shown: ApplicationAnswer = await nanxun.asks(
        BANK, ShowApplication(application_id=application), after=nanxun.last.position
    )
    assert (shown.assessed, shown.borrower, shown.findings) == (fen("100000.00"), None, None)
    work: BankWorkAnswer = await nanxun.asks(BANK, ShowBankWork(bank="nxbank"))
    assert [one.findings for one in work.to_decide] == [None]
    assert (await nanxun.asks(OFFICER, ShowApplication(application_id=application))).borrower is not None
    assert await nanxun.tries(BANK, DeclineLoan(application_id=application, ground=Ground.INCOME)) == "done"


# Erased


async def test_of_one_who_is_erased_the_amounts_are_left_and_the_means_are_gone(nanxun: County) -> None:
    worker, other = await nanxun.worker(), await nanxun.worker()
    application, others = await endorsed(nanxun, worker), await nanxun.applies(other)
    await erased(nanxun, worker)
    opened = await events(nanxun, application)
    personal = [getattr(event, name) for event in opened for name in event.personal_fields]
    assert [field.is_erased for field in personal] == [True, True, True]
    show, position = ShowApplication(application_id=application), nanxun.last.position
    for actor in (worker.actor, nanxun.cadre, OFFICER, BANK):
        shown: ApplicationAnswer = await nanxun.asks(actor, show, after=position)
        assert (shown.amount, shown.borrower, shown.findings) == (fen(50_000), None, None)
    work: BankWorkAnswer = await nanxun.asks(BANK, ShowBankWork(bank="nxbank"))
    assert [one.findings for one in work.to_decide] == [None]
    (found,) = await nanxun.asks(OFFICER, FindApplications(member_id=worker.member_id))
    assert found.borrower is None
    assert (await nanxun.asks(OFFICER, ShowApplication(application_id=others))).borrower is not None


async def test_nothing_is_assessed_anew_for_one_who_is_erased(nanxun: County) -> None:
    worker, borrowing = await nanxun.worker(), await nanxun.worker()
    application = await nanxun.applies(worker)
    await nanxun.does(nanxun.cadre, RecommendApplication(application_id=application))
    line = await nanxun.line(borrowing, "50000")
    await erased(nanxun, worker)
    await erased(nanxun, borrowing)
    refusal = await nanxun.refusal(OFFICER, EndorseApplication(application_id=application))
    assert (refusal.code, refusal.clause) == ("means_erased", "个人信息保护法 第47条")
    assert await nanxun.tries(BANK, ChangeLimit(line_id=line, limit=fen(60_000))) == "means_erased"
    assert await nanxun.tries(BANK, ChangeLimit(line_id=line, limit=fen(40_000))) == "done"


async def events(nanxun: County, application: ApplicationId) -> list[Event]:
    assert nanxun.loan.keyring is not None
    return await nanxun.loan.keyring.open(await nanxun.loan.store.stream(APPLICATION.stream(application)))


# As it was recorded before


def recorded_before(kind: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((GOLDEN / f"{kind}.1.json").read_text("utf-8"))
    return content


def test_what_was_recorded_in_clear_is_read_as_personal_and_stands_in_the_filing_alone() -> None:
    was = recorded_before("ApplicationFiled")
    filed = CODEC.decode("ApplicationFiled", 1, json.dumps(was))
    assert isinstance(filed, ApplicationFiled)
    assert filed.borrower.clear == Borrower.model_validate_json(json.dumps(was["borrower"]))
    assert len(filed.findings.clear) == len(was["findings"])
    for kind in (LoanEndorsed, LineOpened):
        lifted = CODEC.decode(kind.__name__, 1, json.dumps(recorded_before(kind.__name__)))
        assert isinstance(lifted, kind)
        assert not lifted.personal_fields


async def test_an_application_that_was_filed_in_clear_goes_on_and_is_shown_to_nobody_after_an_erasure(
    nanxun: County,
) -> None:
    worker, application = await nanxun.worker(), ApplicationId(new_id())
    model = await nanxun.applies(await nanxun.worker(), "50000", **MEANS)
    await filed_before(nanxun, worker, application, model)
    await nanxun.does(nanxun.cadre, RecommendApplication(application_id=application))
    await nanxun.does(OFFICER, EndorseApplication(application_id=application))
    show = ShowApplication(application_id=application)
    shown: ApplicationAnswer = await nanxun.asks(BANK, show, after=nanxun.last.position)
    assert shown.borrower is not None
    assert shown.borrower.clear == TOLD
    await erased(nanxun, worker)
    assert (await nanxun.asks(OFFICER, show)).borrower is None


async def filed_before(nanxun: County, worker: Worker, application: ApplicationId, model: ApplicationId) -> None:
    """An application as the first schema had it, with all else from another one."""
    (filed, *_), (record, *_) = (
        await events(nanxun, model),
        await nanxun.loan.store.stream(APPLICATION.stream(model)),
    )
    content = json.loads(filed.model_dump_json(context={"clear": True})) | {
        "application_id": str(application),
        "member_id": str(worker.member_id),
        "household_id": str(worker.household_id),
    }
    assert content["borrower"]["monthly_income"] == "13571.31"
    event = NewEvent(new_id(), "ApplicationFiled", 1, json.dumps(content), record.meta.model_dump_json())
    await nanxun.loan.store.append(Commit(new_id(), new_id(), [Write(APPLICATION.stream(application), 0, [event])]))
