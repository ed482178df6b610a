"""The command line, against a running system whose one service is a small registry of federations."""

import json
import os
import re
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.local.cli import COMMANDS, app
from shared.schemas.ids import new_id
from tests.deploy.local.command_line import Niangjia, answered, code, register


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does(name: str) -> None:
    told = CliRunner().invoke(app, [name, "--help"])
    assert told.exit_code == 0, told.output
    assert name in told.output


def test_nothing_but_the_command_that_is_called_is_loaded() -> None:
    run = [sys.executable, "-c", "import sys, deploy.local.cli; print('deploy.local.status' in sys.modules)"]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout.split() == ["False"]


def test_a_command_by_its_options_and_a_query_that_reads_it(niangjia: Niangjia) -> None:
    sent = answered(register(niangjia, code(1), "-o", "json"))
    assert sent["version"] == 1
    asked = niangjia(
        "ask", "registry", "ShowFederation", "--code", code(1), "--after", str(sent["position"]), "-o", "json"
    )
    assert answered(asked)["name"] == "南浔区总工会"


@pytest.mark.parametrize("way", ["text", "file", "standard input"])
def test_a_command_as_json(niangjia: Niangjia, tmp_path: Path, way: str) -> None:
    federation = {"text": code(11), "file": code(12), "standard input": code(13)}[way]
    content = json.dumps({"code": federation, "name": "南浔区总工会", "level": "county"})
    (file := tmp_path / "command.json").write_text(content)
    how = {"text": content, "file": f"@{file}", "standard input": "-"}[way]
    result = niangjia("send", "registry", "RegisterFederation", "--json", how, given=content)
    assert result.exit_code == 0
    assert "✓ accepted" in result.stdout


def test_options_go_over_the_json_beside_them(niangjia: Niangjia) -> None:
    content = json.dumps({"code": code(2), "name": "another", "level": "county"})
    sent = niangjia("send", "registry", "RegisterFederation", "--json", content, "--name=东阳市总工会", "-o", "json")
    position = answered(sent)["position"]
    shown = niangjia("ask", "registry", "ShowFederation", "--code", code(2), "--after", str(position))
    assert "东阳市总工会" in shown.stdout


def test_a_command_sent_again_under_its_id_is_done_once(niangjia: Niangjia) -> None:
    command = str(new_id())
    first = answered(register(niangjia, code(3), "--command-id", command, "-o", "json"))
    again = answered(register(niangjia, code(3), "--command-id", command, "-o", "json"))
    assert again == {**first, "duplicate": True}


def test_a_refusal_tells_its_words_clause_and_code_and_ends_with_two(niangjia: Niangjia) -> None:
    register(niangjia, code(4))
    result = register(niangjia, code(4))
    assert result.exit_code == 2
    assert "330504 已经登记" in result.stderr
    assert re.search(r"clause +GB/T 2260", result.stderr)
    assert re.search(r"code +federation_known", result.stderr)


def test_a_malformed_command_is_answered_field_by_field_by_the_service(niangjia: Niangjia) -> None:
    result = niangjia("send", "registry", "RegisterFederation", "--code", "33", "--level", "village", "--name", "x")
    assert result.exit_code == 2
    assert re.search(r"code +String should match pattern", result.stderr)
    assert re.search(r"level +Input should be .* province \| city \| county", result.stderr)
    assert "niangjia send registry RegisterFederation --help" in result.stderr


def test_a_refusal_for_machines_is_json_with_the_same_exit_code(niangjia: Niangjia) -> None:
    result = niangjia("send", "registry", "RegisterFederation", "--as", "member:li", "--code", code(5), "-o", "json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["code"] == "malformed"


def test_whoever_may_not_is_told_who_may(niangjia: Niangjia) -> None:
    result = register(niangjia, code(5), "--as", "member:li")
    assert result.exit_code == 2
    assert "open to: operator" in result.stderr


def test_what_nobody_answers_ends_with_three_and_the_id_to_send_it_again(niangjia: Niangjia) -> None:
    command = str(new_id())
    result = niangjia(
        *("send", "loan", "WithdrawApplication", "--application-id", str(new_id())),
        *("--patience", "0.3", "--command-id", command),
    )
    assert result.exit_code == 3
    assert "no answer from loan: nobody listens there" in result.stderr
    assert f"--command-id {command}" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["send", "registri", "X"], "no programme is named 'registri': did you mean registry?"),
        (["send", "registry", "RegisterFedration"], "did you mean RegisterFederation"),
        (["ask", "registry", "showfederation"], "did you mean ShowFederation"),
        (["send", "registry", "RegisterFederation", "--nam", "x"], "has no field --nam: did you mean --name?"),
        (["send", "registry", "RegisterFederation", "x"], "'x' follows no option"),
        (["send", "registry", "RegisterFederation", "--name"], "--name wants a value: text"),
        (["send", "registry", "RegisterFederation", "--json", "{"], "not JSON"),
        (["send", "registry", "RegisterFederation", "--json", "@no-such-file"], "cannot read no-such-file"),
        (["send", "registry", "RegisterFederation", "--json", "[]", "--name", "x"], "only be added to a JSON object"),
        (["ask", "registry", "ShowFederation", "--as", "chief:li"], "--as wants role:id"),
    ],
)
def test_a_slip_on_the_command_line_is_told_before_anything_is_sent(
    niangjia: Niangjia, arguments: list[str], said: str
) -> None:
    result = niangjia(*arguments)
    assert result.exit_code == 1
    assert said in result.stderr


def test_without_a_name_the_commands_are_listed(niangjia: Niangjia) -> None:
    result = niangjia("send")
    assert result.exit_code == 0
    assert re.search(r"RegisterMember +Enter a member of a union", result.stdout)
    assert re.search(r"ApplyForLoan", result.stdout)
    assert "RegisterMember" not in niangjia("send", "loan").stdout
    assert "ShowRoster" in niangjia("ask", "registry").stdout


def test_the_help_of_a_command_shows_fields_types_and_an_example_that_is_well_formed(niangjia: Niangjia) -> None:
    result = niangjia("send", "registry", "RegisterFederation", "--help")
    assert result.exit_code == 0
    assert re.search(r"--level +needed +province \| city \| county", result.stdout)
    example = result.stdout.partition("for example")[2].partition("the content")[0]
    arguments = shlex.split(example.replace("\\\n", " "))
    assert arguments[:4] == ["niangjia", "send", "registry", "RegisterFederation"]
    answered(niangjia(*arguments[1:], "--code", code(8), "-o", "json"))


def test_personal_data_are_typed_in_clear_and_money_as_cny(niangjia: Niangjia) -> None:
    assert re.search(
        r"--id-number +needed +text +GB 11643", niangjia("send", "registry", "RegisterMember", "--help").stdout
    )
    assert re.search(r"--amount +needed +CNY", niangjia("send", "loan", "ApplyForLoan", "--help").stdout)


def test_where_nothing_runs_everything_says_so(tmp_path: Path) -> None:
    environment = {"NIANGJIA_HOME": str(tmp_path / "elsewhere"), "DATABASE_URL": None, "NATS_URL": None}
    for arguments in (["status"], ["ask", "registry", "ShowFederation"], ["dead-letters", "list"], ["verify"]):
        result = CliRunner().invoke(app, arguments, env=environment)
        assert result.exit_code == 3, arguments
        assert "nothing runs in" in result.stderr


def test_a_second_up_in_the_same_home_is_refused(niangjia: Niangjia) -> None:
    result = niangjia("up")
    assert result.exit_code == 1
    assert re.search(r"is up already \(pid \d+\)", result.stderr)


def test_logs_are_set_in_columns_or_shown_as_they_are(niangjia: Niangjia) -> None:
    assert re.search(r"\d\d:\d\d:\d\d\.\d{3} info +ready .*position=", niangjia("logs", "registry").stdout)
    last = niangjia("logs", "registry", "-n", "1", "--raw").stdout
    assert json.loads(last)["service"] == "registry"
    assert "the logs are: mail, nats, postgres, registry, sms" in niangjia("logs", "loan").stderr


def test_the_command_line_starts_in_a_moment() -> None:
    command = [str(Path(sys.executable).with_name("niangjia")), "--help"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "80"})
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 10  # of processor: whoever else is at work
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
