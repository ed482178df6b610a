"""Importing rosters into a registry at work: good rows go in, bad ones come back, and a second time nothing changes."""

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from services.registry.roster import Outcome, Stage, import_roster, open_roster
from shared.runtime.calling import Caller
from shared.runtime.client import Client
from shared.schemas.ids import EmployerId, MemberId, UnionId, new_id
from shared.schemas.messages import Actor, Refused
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    ChangeContacts,
    EraseMember,
    ErasureGround,
    FindEmployer,
    FindMember,
    MemberAnswer,
    ShowHousehold,
    ShowRoster,
    ShowUnion,
    UnionKind,
)
from tests.services.registry.desk import OFFICER, Desk, company, number
from tests.services.registry.rosters import Person, people, write_roster, write_sheet

TODAY = date(2019, 7, 1)
HEADERS = ("姓名", "身份证号", "手机号", "单位", "统一社会信用代码", "户主身份证号", "家庭编号", "所属工会")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "名册.xlsx"


def caller(desk: Desk, actor: Actor = OFFICER) -> Caller:
    here, seen = desk.federation, desk.position
    return Caller(client=desk.client, programme="registry", actor=actor, federation=here, position=seen)


async def imported(desk: Desk, book: Path, union_id: UnionId, actor: Actor = OFFICER) -> dict[Outcome, int]:
    """What came of the rows; the result lies beside the roster."""
    asking = caller(desk, actor)
    came = await import_roster(open_roster(book), TODAY, asking, union_id, book.with_name("结果.xlsx"))
    desk.position = max(desk.position, asking.position)
    return dict(came)


def given_back(book: Path) -> dict[str, tuple[str, str, str]]:
    """By name: outcome, reasons and warnings, as the result workbook says."""
    workbook = CalamineWorkbook.from_path(book.with_name("结果.xlsx"))
    rows = list(workbook.get_sheet_by_name(workbook.sheet_names[1]).iter_rows())
    header = next(row for row in rows if "姓名" in row)
    name, outcome = header.index("姓名"), header.index("结果")
    said: dict[str, tuple[str, str, str]] = {}
    for row in rows[rows.index(header) + 1 :]:
        said[str(row[name])] = (str(row[outcome]), str(row[outcome + 1]), str(row[outcome + 2]))
    return said


def rows(*people: Sequence[Any]) -> dict[int, Sequence[Any]]:
    """A sheet of them, by the columns of HEADERS as far as they go."""
    return {1: HEADERS, **dict(enumerate(people, 2))}


async def found(desk: Desk, id_number: str) -> MemberAnswer:
    answer = await desk.ask(FindMember(id_number=Personal(id_number)))
    assert answer is not None
    return await desk.shown(answer.member_id)


# Whole rosters


async def test_a_roster_goes_in_with_all_that_it_says(desk: Desk, book: Path) -> None:
    union_id, _ = await desk.small_union()
    listed = list(people(120))
    write_roster(book, listed)
    assert await imported(desk, book, union_id) == {Outcome.IMPORTED: 120}
    roster = await desk.ask(ShowRoster(union_id=union_id, limit=1000))
    assert roster.total == 120
    for person in listed[::13]:
        assert_is(await found(desk, person.id_number), person)
    union = await desk.ask(ShowUnion(union_id=union_id))
    assert len(union.employer_ids) == 1 + len({person.credit_code for person in listed})
    assert all(said[0] == "已导入" for said in given_back(book).values())


def assert_is(member: MemberAnswer, person: Person) -> None:
    def clear(field: Personal[str] | None) -> str:
        return "" if field is None else field.clear

    assert (clear(member.name), clear(member.phone), clear(member.email)) == (person.name, person.phone, person.email)
    assert (clear(member.account), clear(member.bank)) == (person.account, person.bank)
    assert (member.post, member.trade or "", member.joined_on) == (person.post, person.trade, person.joined_on)


async def test_the_same_roster_again_changes_nothing(desk: Desk, book: Path) -> None:
    union_id, _ = await desk.small_union()
    write_roster(book, people(120))
    await imported(desk, book, union_id)
    head = await desk.registry.store.head()
    assert await imported(desk, book, union_id) == {Outcome.UNCHANGED: 120}
    assert await desk.registry.store.head() == head
    assert {said[0] for said in given_back(book).values()} == {"无变化"}


async def test_a_roster_imported_again_puts_back_what_was_changed_meanwhile(desk: Desk, book: Path) -> None:
    union_id, _ = await desk.small_union()
    listed = list(people(12))
    write_roster(book, listed)
    await imported(desk, book, union_id)
    member = await found(desk, listed[3].id_number)
    await desk.send(ChangeContacts(member_id=member.member_id, phone=Personal("13999999999")))
    assert await imported(desk, book, union_id) == {Outcome.UNCHANGED: 11, Outcome.UPDATED: 1}
    assert_is(await found(desk, listed[3].id_number), listed[3])


async def test_an_import_that_was_broken_off_is_finished_by_another(desk: Desk, book: Path) -> None:
    union_id, _ = await desk.small_union()
    write_roster(book, people(400))
    half_way = asyncio.Event()

    def progress(stage: Stage, done: int, total: int) -> None:
        if done >= 150:
            half_way.set()

    first = asyncio.create_task(
        import_roster(open_roster(book), TODAY, caller(desk), union_id, book.with_name("结果.xlsx"), progress)
    )
    await asyncio.wait({first, asyncio.ensure_future(half_way.wait())}, return_when=asyncio.FIRST_COMPLETED)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not book.with_name("结果.xlsx").exists()
    came = await imported(desk, book, union_id)
    assert came[Outcome.IMPORTED] < 400
    assert sum(came.values()) == 400
    assert (await desk.ask(ShowRoster(union_id=union_id))).total == 400
    assert await imported(desk, book, union_id) == {Outcome.UNCHANGED: 400}


async def test_two_imports_of_one_roster_at_once_make_one_of_each(desk: Desk, book: Path) -> None:
    union_id, _ = await desk.small_union()
    write_roster(book, people(150))
    came = await asyncio.gather(*(import_roster(open_roster(book), TODAY, caller(desk), union_id) for _ in range(2)))
    assert sum(outcomes[Outcome.IMPORTED] for outcomes in came) == 150
    assert sum(outcomes[Outcome.REFUSED] for outcomes in came) == 0
    assert (await desk.ask(ShowRoster(union_id=union_id))).total == 150


async def test_progress_is_told_by_stage_up_to_its_end(desk: Desk, book: Path) -> None:
    union_id, _ = await desk.small_union()
    write_roster(book, people(20))
    told: list[tuple[Stage, int, int]] = []
    await import_roster(
        open_roster(book),
        TODAY,
        caller(desk),
        union_id,
        book.with_name("结果.xlsx"),
        lambda *where: told.append(where),
    )
    for stage, size in ((Stage.ENTERING, 20), (Stage.HOUSEHOLDS, 5), (Stage.WRITING, 20)):
        steps = [(done, total) for at, done, total in told if at is stage]
        assert steps[-1] == (size, size)
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)


# Bad rows


async def test_bad_rows_come_back_with_their_reasons_and_good_ones_go_in(desk: Desk, book: Path) -> None:
    union_id, employer_id = await desk.small_union()
    await desk.member(union_id, employer_id, name="赵强", id_number=number(940))
    other, others_employer = await desk.small_union()
    await desk.member(other, others_employer, name="钱进", id_number=number(950))
    gone = await desk.member(union_id, employer_id, name="孙亮", id_number=number(960))
    await desk.send(EraseMember(member_id=gone, ground=ErasureGround.UNLAWFUL))
    covered = (await desk.ask(ShowUnion(union_id=other))).employer_ids[0]
    write_sheet(
        book,
        rows(
            ("李建国", number(910), "13800000000"),
            ("王芳", number(911)[:-1], "13800000001"),
            ("赵强壮", number(940), ""),
            ("钱进财", number(950), ""),
            ("孙亮亮", number(960), ""),
            ("周全", number(912), "", "别处", await code_of(desk, covered)),
            ("吴用", number(913), "", "", company(800)),
            ("郑和", number(914), "", "郑和船厂"),
        ),
    )
    assert await imported(desk, book, union_id) == {Outcome.IMPORTED: 2, Outcome.UPDATED: 1, Outcome.REFUSED: 5}
    said = given_back(book)
    assert said["李建国"] == ("已导入", "", "")
    assert said["赵强壮"][0] == "已更新"
    assert said["孙亮亮"][0] == "已导入"  # somebody new: whoever had the number is forgotten
    assert {name: reason for name, (outcome, reason, _) in said.items() if outcome == "未导入"} == {
        "王芳": "身份证号码须为18位，这里是17位",
        "钱进财": "这个身份证号码已由其他工会登记，姓名不同，请核对号码",
        "周全": "单位已由其他基层工会覆盖",
        "吴用": "单位还没有登记，须填写单位名称",
        "郑和": "没有填写统一社会信用代码，本工会也没有叫这个名称的单位",
    }


async def code_of(desk: Desk, employer_id: EmployerId) -> str:
    code = await desk.registry.store.pool.fetchval(
        "select credit_code from registry.employers where employer_id = $1", employer_id
    )
    return str(code)


async def test_employers_are_registered_and_admitted_once_each(desk: Desk, book: Path) -> None:
    union_id, _ = await desk.small_union()
    free = await desk.employer(company(801))
    write_sheet(
        book,
        rows(
            ("李建国", number(910), "", "新厂", company(800)),
            ("王芳", number(911), "", "新厂", company(800)),
            ("赵强", number(912), "", "旧厂", company(801)),
        ),
    )
    assert await imported(desk, book, union_id) == {Outcome.IMPORTED: 3}
    entered = await desk.ask(FindEmployer(credit_code=company(800)))
    assert (entered.name, entered.union_id) == ("新厂", union_id)
    assert set((await desk.ask(ShowUnion(union_id=union_id))).employer_ids) >= {free, entered.employer_id}


async def test_a_union_of_one_employer_takes_no_others_and_needs_no_name_for_its_own(desk: Desk, book: Path) -> None:
    employer_id = await desk.employer(company(800))
    union_id = await desk.union(employer_id, kind=UnionKind.SINGLE)
    name = (await desk.ask(FindEmployer(credit_code=company(800)))).name
    write_sheet(
        book,
        rows(
            ("李建国", number(910)),
            ("王芳", number(911), "", name),
            ("赵强", number(912), "", "", company(800)),
            ("钱进", number(913), "", "别厂", company(801)),
        ),
    )
    assert await imported(desk, book, union_id) == {Outcome.IMPORTED: 3, Outcome.REFUSED: 1}
    assert given_back(book)["钱进"][1] == "单建工会只属于一个单位"
    assert await desk.ask(FindEmployer(credit_code=company(801))) is None


async def test_a_joint_union_of_several_must_be_told_the_employer(desk: Desk, book: Path) -> None:
    union_id = await desk.union(await desk.employer(), await desk.employer())
    write_sheet(book, rows(("李建国", number(910))))
    assert await imported(desk, book, union_id) == {Outcome.REFUSED: 1}
    assert given_back(book)["李建国"][1] == "没有填写单位和统一社会信用代码"


async def test_another_unions_name_on_a_row_is_a_warning(desk: Desk, book: Path) -> None:
    union_id, _ = await desk.small_union()
    write_sheet(
        book,
        rows(
            ("李建国", number(910), "13800000000", "", "", "", "", "基层工会"),
            ("王芳", number(911), "13800000001", "", "", "", "", "隔壁工会"),
        ),
    )
    assert await imported(desk, book, union_id) == {Outcome.IMPORTED: 2}
    assert given_back(book)["李建国"][2] == ""
    assert given_back(book)["王芳"][2] == "所属工会与导入到的“基层工会”不同，请核对"


# Households


async def test_those_of_one_head_or_one_household_number_live_together(desk: Desk, book: Path) -> None:
    union_id, employer_id = await desk.small_union()
    elsewhere = await desk.member(union_id, employer_id, id_number=number(980))
    write_sheet(
        book,
        rows(
            ("李建国", number(910), "", "", "", number(911)),  # the head comes later
            ("王芳", number(911), "", "", "", number(911)),
            ("赵强", number(912), "", "", "", "", "7号"),
            ("钱进", number(913), "", "", "", "", "7号"),
            ("孙亮", number(914), "", "", "", number(980)),  # the head is in the registry alone
            ("周全", number(915), "", "", "", number(981)),  # the head is nowhere
            ("吴用", number(916), "", "", "", number(917)),  # the head's row is bad
            ("郑和", number(917), "12345", "", "", ""),
        ),
    )
    assert await imported(desk, book, union_id) == {Outcome.IMPORTED: 7, Outcome.REFUSED: 1}
    homes = {n: (await found(desk, number(n))).household_id for n in range(910, 917)}
    assert homes[910] == homes[911]
    assert homes[912] == homes[913]
    assert homes[914] == await desk.household_of(elsewhere)
    assert len(set(homes.values())) == 5
    said = given_back(book)
    for name in ("周全", "吴用"):
        assert "户主没有登记，未合并为一户" in said[name][2]
    assert await imported(desk, book, union_id) == {Outcome.UNCHANGED: 7, Outcome.REFUSED: 1}
    together = await desk.ask(ShowHousehold(household_id=homes[910]))
    assert len(together.member_ids) == 2


async def test_a_household_joined_later_is_an_update(desk: Desk, book: Path) -> None:
    union_id, _ = await desk.small_union()
    write_sheet(book, rows(("李建国", number(910)), ("王芳", number(911))))
    await imported(desk, book, union_id)
    write_sheet(book, rows(("李建国", number(910)), ("王芳", number(911), "", "", "", number(910))))
    assert await imported(desk, book, union_id) == {Outcome.UNCHANGED: 1, Outcome.UPDATED: 1}
    assert given_back(book)["王芳"][0] == "已更新"


# Who may


async def test_a_cadre_imports_the_roster_of_their_own_union_alone(desk: Desk, book: Path) -> None:
    union_id, employer_id = await desk.small_union()
    own = await desk.cadre(union_id, employer_id)
    other, _ = await desk.small_union()
    write_roster(book, people(10))
    for union, actor in ((other, own), (UnionId(new_id()), own), (union_id, Actor.parse(f"member:{own.id}"))):
        with pytest.raises(Refused, match=r"not_yours|no_such_union|not_allowed"):
            await imported(desk, book, union, actor)
    assert not book.with_name("结果.xlsx").exists()
    assert await imported(desk, book, union_id, own) == {Outcome.IMPORTED: 10}


async def test_what_was_sent_is_traced_to_the_import(desk: Desk, book: Path) -> None:
    union_id, _ = await desk.small_union()
    write_roster(book, people(4))
    asking = caller(desk)
    await import_roster(open_roster(book), TODAY, asking, union_id)
    member = (await desk.ask(ShowRoster(union_id=union_id))).members[0]
    recorded = await desk.registry.store.stream(f"member-{MemberId(member.member_id)}")
    assert {one.meta.correlation for one in recorded} == {asking.id}
    assert isinstance(asking.client, Client)
