"""What each account can do on the broker, and what it can't: as the embedded stack has it, and with tokens and TLS."""

import json

import nats.errors
import pytest
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig

from deploy.nats.parties import Bank, Hospital
from tests.deploy.nats.brokers import Broker, User, signed_in
from tests.waiting import until


async def publish(broker: Broker, *subjects: str) -> None:
    """Events of the loan."""
    async with signed_in(broker, "loan") as loan:
        for subject in subjects:
            await loan.js.publish(subject, subject.encode())


async def all_taken(bank: User, stream: str) -> list[str]:
    """Take and acknowledge what waits; the subjects."""
    subscription = await bank.js.pull_subscribe_bind(consumer="bank", stream=stream)
    taken = []
    while (await subscription.consumer_info()).num_pending:
        (message,) = await subscription.fetch(1, timeout=5)
        await message.ack_sync()
        taken.append(message.subject)
    return taken


async def waiting(broker: Broker, stream: str, count: int) -> None:
    async with signed_in(broker, "operator") as operator:

        async def there() -> bool:
            return (await operator.js.stream_info(stream)).state.messages >= count

        await until(there)


async def test_a_bank_takes_what_is_addressed_to_it_in_order_and_nothing_else(broker: Broker) -> None:
    async with signed_in(broker, "bank-nxbank") as bank:
        await all_taken(bank, "BANK_NXBANK")
        begun = (await bank.js.consumer_info("BANK_NXBANK", "bank")).delivered.stream_seq
        own = [f"evt.330503.loan.{kind}.nxbank" for kind in ("LoanEndorsed", "DrawdownRequested", "LineClosed")]
        others = "evt.330503.loan.ApplicationFiled", "evt.330503.loan.LoanEndorsed.third"
        await publish(broker, own[0], *others, own[1], others[0], own[2])
        await waiting(broker, "BANK_NXBANK", begun + 3)
        assert await all_taken(bank, "BANK_NXBANK") == own
        assert (await bank.js.consumer_info("BANK_NXBANK", "bank")).ack_floor.stream_seq == begun + 3


async def test_a_bank_that_comes_back_goes_on_behind_what_it_acknowledged(broker: Broker) -> None:
    async with signed_in(broker, "bank-other") as bank:
        await all_taken(bank, "BANK_OTHER")
        begun = (await bank.js.consumer_info("BANK_OTHER", "bank")).delivered.stream_seq
        sent = [f"evt.330503.loan.{kind}.other" for kind in ("LoanEndorsed", "EndorsementWithdrawn", "LineClosed")]
        await publish(broker, *sent)
        await waiting(broker, "BANK_OTHER", begun + 3)
        subscription = await bank.js.pull_subscribe_bind(consumer="bank", stream="BANK_OTHER")
        (first,) = await subscription.fetch(1, timeout=5)
        await first.ack_sync()
    async with signed_in(broker, "bank-other") as bank:
        assert await all_taken(bank, "BANK_OTHER") == sent[1:]


@pytest.mark.parametrize(
    "subject",
    [
        "evt.330503.loan.LoanEndorsed.nxbank",  # an event of the loan's, forged
        "from.bank.nxbank.cmd.330503.loan.AcceptLoan",  # what the broker alone writes
        "from.bank.other.cmd.330503.loan.AcceptLoan",
        "cmd.330503.loan.EndorseApplication",  # an officer's
        "cmd.330783.loan.AcceptLoan",  # another federation's
        "cmd.330783.aid.QuoteSettlement",  # a hospital's
        "qry.330503.registry.FindMember",
        "qry.330503.loan.FindLines",
        "$JS.API.CONSUMER.MSG.NEXT.LOAN.loan-on-loan",
        "$JS.union.API.CONSUMER.MSG.NEXT.LOAN.loan-on-loan",
        "$JS.union.API.CONSUMER.MSG.NEXT.BANK_OTHER.bank",
        "$JS.union.API.CONSUMER.INFO.BANK_OTHER.bank",
        "$JS.union.API.CONSUMER.CREATE.BANK_NXBANK.mine",
        "$JS.union.API.CONSUMER.CREATE.LOAN.mine",
        "$JS.union.API.CONSUMER.DELETE.BANK_NXBANK.bank",
        "$JS.union.API.STREAM.MSG.GET.LOAN",
        "$JS.union.API.STREAM.MSG.GET.BANK_NXBANK",
        "$JS.union.API.STREAM.INFO.BANK_NXBANK",
        "$JS.union.API.STREAM.NAMES",
        "$JS.API.STREAM.PURGE.BANK_NXBANK",
        "$JS.API.STREAM.CREATE.MINE",
        "$JS.API.DIRECT.GET.LOAN.evt.330503.loan.LoanEndorsed.other",
        "$JS.ACK.BANK_OTHER.bank.1.1.1.1.0",
        "$JS.ACK.LOAN.loan-on-loan.1.1.1.1.0",
        "$SYS.REQ.SERVER.PING",
        "$SYS.REQ.CLAIMS.UPDATE",
        "anything.else",
    ],
)
async def test_a_bank_publishes_nothing_but_its_own_answers(broker: Broker, subject: str) -> None:
    async with signed_in(broker, "bank-nxbank") as bank:
        assert f'publish to "{subject.lower()}"' in await bank.denial_of_publishing(subject)


@pytest.mark.parametrize(
    "subject",
    [">", "evt.>", "evt.*.loan.*.nxbank", "cmd.>", "from.>", "$JS.EVENT.ADVISORY.>", "$JS.ACK.>", "$SYS.>"],
)
async def test_a_bank_hears_nothing_but_replies(broker: Broker, subject: str) -> None:
    async with signed_in(broker, "bank-nxbank") as bank:
        assert f'subscription to "{subject.lower()}"' in await bank.denial_of_hearing(subject)


async def test_inboxes_of_one_account_do_not_exist_in_another(broker: Broker) -> None:
    async with signed_in(broker, "bank-nxbank") as bank, signed_in(broker, "operator") as operator:
        heard = await bank.connection.subscribe("_INBOX.>")
        await bank.settled()
        await operator.js.stream_info("LOAN")  # its reply goes to an inbox
        await bank.js.consumer_info("BANK_NXBANK", "bank")
        own = await heard.next_msg(timeout=5)
        assert json.loads(own.data)["stream_name"] == "BANK_NXBANK"
        with pytest.raises((TimeoutError, nats.errors.TimeoutError)):
            await heard.next_msg(timeout=0.2)


async def test_who_calls_is_written_by_the_broker(broker: Broker) -> None:
    heard: list[Msg] = []

    async def answer(message: Msg) -> None:
        heard.append(message)
        await message.respond(b"yes")

    async with signed_in(broker, "loan") as loan, signed_in(broker, "bank-nxbank") as bank:
        for subject in ("cmd.*.loan.*", "from.*.*.cmd.*.loan.*"):
            await loan.connection.subscribe(subject, queue="loan", cb=answer)
        await loan.settled()
        headers = {"actor": "officer:zhou", "Nats-Request-Info": '{"acc":"union"}'}
        reply = await bank.connection.request("cmd.330503.loan.AcceptLoan", b"{}", headers=headers, timeout=5)
        assert reply.data == b"yes"
    assert [message.subject for message in heard] == ["from.bank.nxbank.cmd.330503.loan.AcceptLoan"]


async def test_services_do_not_pass_for_outsiders(broker: Broker) -> None:
    async with signed_in(broker, "registry") as registry, signed_in(broker, "operator") as operator:
        for user in (registry, operator):
            assert "publish" in await user.denial_of_publishing("from.bank.nxbank.cmd.330503.loan.AcceptLoan")


async def test_a_hospital_quotes_confirms_cancels_and_reads_its_quotes_and_its_days(broker: Broker) -> None:
    async def answer(message: Msg) -> None:
        await message.respond(message.subject.encode())

    async with signed_in(broker, "aid") as aid, signed_in(broker, "hospital-dyrmyy") as hospital:
        for verb in ("cmd", "qry"):
            await aid.connection.subscribe(f"from.*.*.{verb}.*.aid.*", queue="aid", cb=answer)
        await aid.settled()
        for call in (
            "cmd.330783.aid.QuoteSettlement",
            "cmd.330783.aid.QuoteForPatient",
            "cmd.330783.aid.ConfirmSettlement",
            "cmd.330783.aid.CancelSettlement",
            "qry.330783.aid.ShowSettlement",
            "qry.330783.aid.ShowHospitalDay",
            "qry.330783.aid.ReconcileHospitalDay",
        ):
            reply = await hospital.connection.request(call, b"{}", timeout=5)
            assert reply.data.decode() == f"from.hospital.dyrmyy.{call}"


@pytest.mark.parametrize(
    "subject",
    [
        "cmd.330783.aid.FileClaim",
        "cmd.330783.aid.ApproveClaim",
        "cmd.330503.aid.QuoteSettlement",  # of a federation that it does not serve
        "cmd.330503.loan.AcceptLoan",
        "qry.330783.aid.ShowClaim",
        "qry.330783.registry.ShowIdentity",
        "evt.330783.aid.HospitalSettlementConfirmed",
        "from.hospital.dyzyy.cmd.330783.aid.QuoteSettlement",
        "$JS.union.API.CONSUMER.MSG.NEXT.BANK_NXBANK.bank",
        "$JS.API.STREAM.NAMES",
        "$JS.API.CONSUMER.CREATE.AID.mine",
    ],
)
async def test_a_hospital_does_nothing_else(broker: Broker, subject: str) -> None:
    async with signed_in(broker, "hospital-dyrmyy") as hospital:
        assert "publish" in await hospital.denial_of_publishing(subject)


@pytest.mark.parametrize("subject", [">", "evt.>", "evt.*.aid.>", "from.>", "$JS.EVENT.ADVISORY.>"])
async def test_a_hospital_hears_nothing_but_replies(broker: Broker, subject: str) -> None:
    async with signed_in(broker, "hospital-dyrmyy") as hospital:
        assert "subscription" in await hospital.denial_of_hearing(subject)


async def test_operations_watch_streams_and_consumers(broker: Broker) -> None:
    async with signed_in(broker, "operations") as operations:
        names = {info.config.name for info in await operations.js.streams_info()}
        assert names == {"LOAN", "REGISTRY", "AID", "BANK_NXBANK", "BANK_OTHER"}
        (consumer,) = await operations.js.consumers_info("BANK_NXBANK")
        assert consumer.name == "bank"
        assert (await operations.js.stream_info("LOAN")).config.name == "LOAN"


async def test_operations_hear_what_befalls_consumers(broker: Broker) -> None:
    async with signed_in(broker, "operations") as operations, signed_in(broker, "operator") as operator:
        heard = await operations.connection.subscribe("$JS.EVENT.ADVISORY.CONSUMER.CREATED.>")
        await operations.settled()
        await operator.js.add_consumer("LOAN", ConsumerConfig(name="seen", durable_name="seen"))
        assert json.loads((await heard.next_msg(timeout=5)).data)["consumer"] == "seen"
        await operator.js.delete_consumer("LOAN", "seen")


@pytest.mark.parametrize(
    "subject",
    [
        "cmd.330503.loan.AcceptLoan",
        "qry.330503.registry.ShowMember",
        "evt.330503.loan.LoanEndorsed",
        "$JS.union.API.STREAM.DELETE.LOAN",
        "$JS.union.API.STREAM.PURGE.LOAN",
        "$JS.union.API.STREAM.UPDATE.LOAN",
        "$JS.union.API.STREAM.MSG.GET.LOAN",
        "$JS.union.API.CONSUMER.CREATE.LOAN.mine",
        "$JS.union.API.CONSUMER.DELETE.BANK_NXBANK.bank",
        "$JS.union.API.CONSUMER.MSG.NEXT.BANK_NXBANK.bank",
        "$JS.API.STREAM.DELETE.LOAN",
        "$JS.ACK.BANK_NXBANK.bank.1.1.1.1.0",
    ],
)
async def test_operations_change_nothing_and_read_no_event(broker: Broker, subject: str) -> None:
    async with signed_in(broker, "operations") as operations:
        assert "publish" in await operations.denial_of_publishing(subject)


@pytest.mark.parametrize("subject", [">", "evt.>", "cmd.>", "from.>"])
async def test_operations_overhear_no_event_and_no_call(broker: Broker, subject: str) -> None:
    async with signed_in(broker, "operations") as operations:
        assert "subscription" in await operations.denial_of_hearing(subject)


async def test_a_service_publishes_no_events_but_its_own(broker: Broker) -> None:
    async with signed_in(broker, "loan") as loan, signed_in(broker, "operator") as operator:
        assert (await loan.js.publish("evt.330503.loan.LoanDeclined", b"{}")).stream == "LOAN"
        denied = await loan.denial_of_publishing("evt.330503.registry.MemberErased")
        assert 'publish to "evt.330503.registry.memberErased"'.lower() in denied
        assert "evt.330503.loan" in await operator.denial_of_publishing("evt.330503.loan.LoanDeclined")


async def test_a_service_answers_whoever_asks_it_and_hears_nothing_that_others_are_asked(broker: Broker) -> None:
    async def answer(message: Msg) -> None:
        await message.respond(b"here")

    async with signed_in(broker, "registry") as registry, signed_in(broker, "loan") as loan:
        await registry.connection.subscribe("qry.*.registry.*", queue="registry", cb=answer)
        await registry.settled()
        reply = await loan.connection.request("qry.330503.registry.ShowMember", b"{}", timeout=5)
        assert reply.data == b"here"
        assert "subscription" in await loan.denial_of_hearing("qry.*.registry.*")


async def test_a_service_consumes_the_streams_of_others_and_can_not_remove_them(broker: Broker) -> None:
    async with signed_in(broker, "registry") as registry, signed_in(broker, "loan") as loan:
        await registry.js.publish("evt.330503.registry.MemberErased", b"{}")
        consumer = await loan.js.pull_subscribe("evt.*.registry.>", "loan-on-registry", "REGISTRY")
        (message,) = await consumer.fetch(timeout=5)
        await message.ack_sync(timeout=5)
        assert "$js.api.stream.delete.registry" in await loan.denial_of_publishing("$JS.API.STREAM.DELETE.REGISTRY")
        for call in ("STREAM.DELETE", "STREAM.PURGE", "STREAM.UPDATE"):
            assert "publish" in await loan.denial_of_publishing(f"$JS.API.{call}.BANK_NXBANK")


@pytest.mark.parametrize(
    "subject",
    [
        "$JS.API.CONSUMER.MSG.NEXT.BANK_NXBANK.bank",
        "$JS.API.CONSUMER.CREATE.BANK_NXBANK.mine",
        "$JS.API.CONSUMER.CREATE.BANK_NXBANK",
        "$JS.API.CONSUMER.DURABLE.CREATE.BANK_NXBANK.mine",
        "$JS.API.CONSUMER.DELETE.BANK_NXBANK.bank",
        "$JS.API.CONSUMER.RESET.BANK_NXBANK.bank",
        "$JS.ACK.BANK_NXBANK.bank.1.1.1.1.0",
    ],
)
async def test_a_service_takes_nothing_in_a_bank_s_place(broker: Broker, subject: str) -> None:
    async with signed_in(broker, "loan") as loan:
        assert f'publish to "{subject.lower()}"' in await loan.denial_of_publishing(subject)


async def test_only_an_operator_sets_the_clock(broker: Broker) -> None:
    async with signed_in(broker, "loan") as loan, signed_in(broker, "operator") as operator:
        bucket = await loan.js.create_key_value(bucket="clock", history=1)
        assert "$kv.clock" in await loan.denial_of_publishing("$KV.clock.offset-seconds", b"1")
        await (await operator.js.key_value("clock")).put("offset-seconds", b"2")
        assert (await bucket.get("offset-seconds")).value == b"2"


def test_what_a_bank_may_ask_for_is_this_and_no_more() -> None:
    assert [kind.__name__ for _, kind in Bank.commands] == [
        "AcceptLoan",
        "ChangeLimit",
        "CloseLine",
        "DeclineLoan",
        "DisburseDraw",
        "FreezeLine",
        "PublishRates",
        "RecordRepayment",
        "RefundCredit",
        "RefuseDrawdown",
        "ReverseRepayment",
        "UnfreezeLine",
    ]
    assert [kind.__name__ for _, kind in Bank.queries] == ["ShowIdentity", "ShowApplication", "ShowBankWork"]


def test_what_a_hospital_may_ask_for_is_this_and_no_more() -> None:
    names = [kind.__name__ for _, kind in Hospital.commands] + [kind.__name__ for _, kind in Hospital.queries]
    assert names == [
        "CancelSettlement",
        "ConfirmSettlement",
        "QuoteForPatient",
        "QuoteSettlement",
        "ShowSettlement",
        "ShowHospitalDay",
        "ReconcileHospitalDay",
    ]
