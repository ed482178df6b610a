"""Federations, employers and unions, entered and changed by those who may."""

from datetime import timedelta

import pytest

from shared.schemas.ids import EmployerId, new_id
from shared.schemas.messages import Actor, Command, Role
from shared.schemas.registry import (
    AdmitEmployer,
    AppointEmployerContact,
    AppointFederationContact,
    AppointUnionContact,
    DissolveUnion,
    EmployerAnswer,
    EndMembership,
    EndOfMembership,
    EstablishUnion,
    FederationLevel,
    FindEmployer,
    MoveMember,
    RegisterEmployer,
    RegisterFederation,
    ReleaseEmployer,
    RelieveEmployerContact,
    RelieveFederationContact,
    RelieveUnionContact,
    RenameEmployer,
    RenameUnion,
    ShowEmployer,
    ShowFederation,
    ShowRoster,
    ShowUnion,
    UnionAnswer,
    UnionKind,
    UnionPost,
)
from tests.services.registry.desk import DONGYANG, HUZHOU, NANXUN, OFFICER, OPERATOR, Desk, cadre, company, oneself
from tests.services.registry.rosters import credit_code

OWN_CODE = credit_code("81330503MA3000001")
SOMEBODY = Actor(role=Role.CADRE, id="nobody-in-particular")


def employer(code: str, employer_id: EmployerId | None = None) -> RegisterEmployer:
    return RegisterEmployer(employer_id=employer_id or EmployerId(new_id()), name="电缆厂", credit_code=code)


# Federations


async def test_federations_stand_below_one_another(desk: Desk) -> None:
    city = desk.elsewhere(HUZHOU)
    await city.opens(FederationLevel.CITY)
    county = RegisterFederation(code="330502", name="吴兴区总工会", level=FederationLevel.COUNTY, parent=HUZHOU)
    await city.send(county, OPERATOR)
    assert await city.refused(county, OPERATOR) == "federation_exists"
    shown = await city.ask(ShowFederation(code="330502"))
    assert (shown.name, shown.level, shown.parent) == ("吴兴区总工会", FederationLevel.COUNTY, HUZHOU)
    assert (await city.ask(ShowFederation(code=HUZHOU))).children == ("330502",)
    assert (await city.elsewhere("330502").ask(ShowFederation(code=HUZHOU))).code == HUZHOU
    assert await desk.refused(ShowFederation(code="330502")) == "no_such_federation"
    assert (await desk.ask(ShowFederation(code="330502"), OPERATOR)).code == "330502"


@pytest.mark.parametrize(
    ("level", "parent", "code"),
    [
        (FederationLevel.COUNTY, NANXUN, "parent_not_above"),
        (FederationLevel.CITY, NANXUN, "parent_not_above"),
        (FederationLevel.COUNTY, DONGYANG, "no_such_federation"),
    ],
)
async def test_a_federation_has_one_above_it_that_is_registered(
    desk: Desk, level: FederationLevel, parent: str, code: str
) -> None:
    command = RegisterFederation(code="330502", name="吴兴区总工会", level=level, parent=parent)
    refusal = await desk.refusal(command, OPERATOR)
    assert refusal.code == code
    assert "county" not in refusal.message


# Employers


async def test_an_employer_is_entered_renamed_and_found_by_its_code(desk: Desk) -> None:
    employer_id, code = EmployerId(new_id()), company(1)
    await desk.send(employer(f" {code.lower()} ", employer_id))
    await desk.send(RenameEmployer(employer_id=employer_id, name="电缆有限公司"))
    known = EmployerAnswer(employer_id=employer_id, name="电缆有限公司", credit_code=code, union_id=None, contacts=())
    assert await desk.ask(ShowEmployer(employer_id=employer_id)) == known
    assert await desk.ask(FindEmployer(credit_code=code)) == known
    assert await desk.ask(FindEmployer(credit_code=company(2))) is None
    assert await desk.refused(FindEmployer(credit_code="913305")) == "credit_code_length"


async def test_a_credit_code_is_taken_once_and_keeps_its_standard(desk: Desk) -> None:
    employer_id = EmployerId(new_id())
    await desk.send(employer(company(1), employer_id))
    assert await desk.refused(employer(company(1))) == "credit_code_taken"
    assert await desk.refused(employer(company(2), employer_id)) == "employer_exists"
    wrong = company(2)[:-1] + ("0" if company(2)[-1] != "0" else "1")
    assert await desk.refused(employer(wrong)) == "credit_code_check"
    assert await desk.refused(employer(OWN_CODE)) == "credit_code_of_union"
    assert await desk.refused(RenameEmployer(employer_id=EmployerId(new_id()), name="x")) == "no_such_employer"


async def test_nothing_is_entered_where_no_federation_is_registered(desk: Desk) -> None:
    nowhere = desk.elsewhere(DONGYANG)
    assert await nowhere.refused(employer(company(1))) == "no_such_federation"
    union = EstablishUnion(name="工会", kind=UnionKind.SINGLE, employer_ids=(EmployerId(new_id()),))
    assert await nowhere.refused(union) == "no_such_federation"


# Unions


async def test_a_union_of_one_employer_and_one_of_several(desk: Desk) -> None:
    one, two, three = [await desk.employer() for _ in range(3)]
    single, joint = await desk.union(one, kind=UnionKind.SINGLE), await desk.union(two, three, two)
    await desk.send(RenameUnion(union_id=joint, name="联合工会"))
    assert await desk.ask(ShowUnion(union_id=joint)) == UnionAnswer(
        union_id=joint,
        federation=NANXUN,
        name="联合工会",
        kind=UnionKind.JOINT,
        credit_code=None,
        employer_ids=(two, three),
        contacts=(),
        members=0,
        dissolved_on=None,
    )
    assert (await desk.ask(ShowEmployer(employer_id=one))).union_id == single
    assert (await desk.ask(ShowFederation(code=NANXUN))).unions == 2


async def test_what_no_union_can_be(desk: Desk) -> None:
    one, two = await desk.employer(), await desk.employer()
    union_id = await desk.union(one)

    def founded(*employers: EmployerId, kind: UnionKind = UnionKind.JOINT, code: str | None = None) -> EstablishUnion:
        return EstablishUnion(name="工会", kind=kind, employer_ids=employers, credit_code=code)

    assert await desk.refused(founded(one)) == "employer_covered"
    assert await desk.refused(founded(two, EmployerId(new_id()))) == "no_such_employer"
    assert await desk.refused(founded(two, one, kind=UnionKind.SINGLE)) == "one_employer_only"
    assert await desk.refused(founded(two, code=company(9))) == "credit_code_not_of_union"
    assert await desk.refused(founded(two).model_copy(update={"union_id": union_id})) == "union_exists"
    await desk.send(founded(two, code=OWN_CODE))
    assert await desk.refused(founded(await desk.employer(), code=OWN_CODE)) == "credit_code_taken"


async def test_a_joint_union_admits_and_releases_employers(desk: Desk) -> None:
    one, two = await desk.employer(), await desk.employer()
    union_id, other = await desk.union(one), await desk.union(await desk.employer())
    admit, release = (kind(union_id=union_id, employer_id=two) for kind in (AdmitEmployer, ReleaseEmployer))
    assert await desk.refused(release) == "employer_not_covered"
    assert (await desk.send(admit)).changed
    assert not (await desk.send(admit)).changed
    assert await desk.refused(AdmitEmployer(union_id=other, employer_id=two)) == "employer_covered"
    assert await desk.refused(ReleaseEmployer(union_id=other, employer_id=two)) == "employer_not_covered"
    await desk.send(release)
    await desk.send(AdmitEmployer(union_id=other, employer_id=two))
    assert (await desk.ask(ShowUnion(union_id=union_id))).employer_ids == (one,)
    assert two in (await desk.ask(ShowUnion(union_id=other))).employer_ids


async def test_a_union_of_one_employer_keeps_to_it(desk: Desk) -> None:
    one, two = await desk.employer(), await desk.employer()
    single = await desk.union(one, kind=UnionKind.SINGLE)
    assert await desk.refused(AdmitEmployer(union_id=single, employer_id=two)) == "one_employer_only"
    assert await desk.refused(ReleaseEmployer(union_id=single, employer_id=one)) == "one_employer_only"


async def test_a_union_is_dissolved_once_nobody_is_left_and_its_employers_are_free(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    member_id = await desk.member(union_id, employer_id)
    dissolve = DissolveUnion(union_id=union_id)
    assert (await desk.refusal(dissolve)).details == {"members": 1}
    await desk.send(EndMembership(member_id=member_id, ground=EndOfMembership.RETIRED))
    later = (desk.registry.clock.now() + timedelta(days=2)).date()
    assert await desk.refused(DissolveUnion(union_id=union_id, on=later)) == "in_the_future"
    await desk.send(dissolve)
    assert (await desk.ask(ShowUnion(union_id=union_id))).dissolved_on is not None
    for after in (
        dissolve,
        RenameUnion(union_id=union_id, name="x"),
        AdmitEmployer(union_id=union_id, employer_id=employer_id),
        desk.somebody(union_id, employer_id),
        desk.row(union_id, employer_id),
        MoveMember(member_id=member_id, union_id=union_id, employer_id=employer_id),
    ):
        assert await desk.refused(after) == "union_dissolved", type(after).__name__
    again = await desk.union(employer_id, kind=UnionKind.SINGLE)
    assert (await desk.ask(ShowEmployer(employer_id=employer_id))).union_id == again


# Offices


async def test_who_acts_for_a_union_is_appointed_and_relieved(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    li, wang = await desk.member(union_id, employer_id), await desk.member(union_id, employer_id)

    def appoint(who: object, post: UnionPost) -> Command:
        return AppointUnionContact.model_validate({"union_id": union_id, "member_id": who, "post": post})

    await desk.send(appoint(li, UnionPost.CHAIR))
    assert not (await desk.send(appoint(li, UnionPost.CHAIR))).changed
    assert await desk.refused(appoint(wang, UnionPost.CHAIR)) == "chair_in_office"
    await desk.send(appoint(li, UnionPost.VICE_CHAIR))
    await desk.send(appoint(wang, UnionPost.CHAIR))
    contacts = (await desk.ask(ShowUnion(union_id=union_id))).contacts
    assert {(c.member_id, c.post) for c in contacts} == {(li, UnionPost.VICE_CHAIR), (wang, UnionPost.CHAIR)}
    await desk.send(RelieveUnionContact(union_id=union_id, member_id=wang))
    assert await desk.refused(RelieveUnionContact(union_id=union_id, member_id=wang)) == "not_a_contact"
    assert len((await desk.ask(ShowUnion(union_id=union_id))).contacts) == 1


async def test_employers_and_federations_name_members_too(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    member_id = await desk.member(union_id, employer_id)
    of_employer = {"employer_id": employer_id, "member_id": member_id}
    of_federation = {"code": NANXUN, "member_id": member_id}
    for appoint, relieve in (
        (AppointEmployerContact(**of_employer), RelieveEmployerContact(**of_employer)),
        (AppointFederationContact(**of_federation), RelieveFederationContact(**of_federation)),
    ):
        assert await desk.refused(relieve) == "not_a_contact"
        assert (await desk.send(appoint)).changed
        assert not (await desk.send(appoint)).changed
    assert (await desk.ask(ShowEmployer(employer_id=employer_id))).contacts == (member_id,)
    assert (await desk.ask(ShowFederation(code=NANXUN))).contacts == (member_id,)
    await desk.send(RelieveEmployerContact(**of_employer))
    await desk.send(RelieveFederationContact(**of_federation))
    assert (await desk.ask(ShowEmployer(employer_id=employer_id))).contacts == ()
    assert (await desk.ask(ShowFederation(code=NANXUN))).contacts == ()


async def test_only_a_member_is_appointed(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    left = await desk.member(union_id, employer_id)
    await desk.send(EndMembership(member_id=left, ground=EndOfMembership.RESIGNED))
    for who, code in ((left, "membership_ended"), (new_id(), "no_such_member")):
        for appoint in (
            AppointUnionContact.model_validate({"union_id": union_id, "member_id": who, "post": "cadre"}),
            AppointEmployerContact.model_validate({"employer_id": employer_id, "member_id": who}),
            AppointFederationContact.model_validate({"code": NANXUN, "member_id": who}),
        ):
            assert await desk.refused(appoint) == code


async def test_every_office_ends_with_membership_at_once(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    officeholder = await desk.cadre(union_id, employer_id)
    member_id = officeholder.id
    await desk.send(AppointEmployerContact.model_validate({"employer_id": employer_id, "member_id": member_id}))
    await desk.send(AppointFederationContact.model_validate({"code": NANXUN, "member_id": member_id}))
    await desk.ask(ShowRoster(union_id=union_id), officeholder)
    ended = await desk.send(EndMembership.model_validate({"member_id": member_id, "ground": "resigned"}))
    assert ended.stream == f"member-{member_id}"
    assert (await desk.ask(ShowUnion(union_id=union_id))).contacts == ()
    assert (await desk.ask(ShowEmployer(employer_id=employer_id))).contacts == ()
    assert (await desk.ask(ShowFederation(code=NANXUN))).contacts == ()
    assert await desk.refused(ShowRoster(union_id=union_id), officeholder) == "not_yours"
    assert await desk.refused(desk.somebody(union_id, employer_id), officeholder) == "not_yours"


# Who may


async def test_a_cadre_acts_for_their_own_union_and_its_employers_alone(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    own = await desk.cadre(union_id, employer_id)
    other, others_employer = await desk.small_union()
    free = await desk.employer()
    member_id = own.id
    for command in (
        RenameEmployer(employer_id=others_employer, name="x"),
        RenameEmployer(employer_id=free, name="x"),
        AppointEmployerContact.model_validate({"employer_id": others_employer, "member_id": member_id}),
        AdmitEmployer(union_id=other, employer_id=free),
        ReleaseEmployer(union_id=other, employer_id=others_employer),
    ):
        refusal = await desk.refusal(command, own)
        assert (refusal.code, refusal.message[:4]) == ("not_yours", "工会干部")
    await desk.send(AdmitEmployer(union_id=union_id, employer_id=free), own)
    await desk.send(RenameEmployer(employer_id=free, name="新厂"), own)
    await desk.send(ReleaseEmployer(union_id=union_id, employer_id=free), own)
    await desk.send(AppointEmployerContact.model_validate({"employer_id": employer_id, "member_id": member_id}), own)
    assert await desk.refused(AdmitEmployer(union_id=union_id, employer_id=free), SOMEBODY) == "not_yours"


async def test_an_officer_acts_for_their_own_federation_alone(desk: Desk) -> None:
    dongyang = desk.elsewhere(DONGYANG)
    await dongyang.opens()
    union_id, employer_id = await desk.small_union()
    member_id = await desk.member(union_id, employer_id)
    appoint = AppointFederationContact(code=DONGYANG, member_id=member_id)
    assert await desk.refused(appoint, OFFICER) == "not_yours"
    assert await desk.refused(AppointFederationContact(code="330700", member_id=member_id)) == "no_such_federation"


async def test_what_only_the_federation_does(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    own, member_id = await desk.cadre(union_id, employer_id), await desk.member(union_id, employer_id)
    for command in (
        EstablishUnion(name="工会", kind=UnionKind.SINGLE, employer_ids=(employer_id,)),
        RenameUnion(union_id=union_id, name="x"),
        DissolveUnion(union_id=union_id),
        AppointUnionContact(union_id=union_id, member_id=member_id, post=UnionPost.CADRE),
        RelieveUnionContact(union_id=union_id, member_id=member_id),
        AppointFederationContact(code=NANXUN, member_id=member_id),
    ):
        for actor in (own, oneself(member_id), cadre(member_id)):
            assert await desk.refused(command, actor) == "not_allowed"
