"""Which ways an installation has, and which federation uses which."""

import re
from pathlib import Path

import pytest

from services.notify import templates
from services.notify.channels import Listening
from services.notify.providers import ways as ways_module
from services.notify.providers.kannel import Kannel
from services.notify.providers.smtp import SmtpAccount
from services.notify.providers.ways import BadWays, WaysFile, open_ways
from services.notify.providers.wording import Approvals
from services.notify.senders import Sender
from services.notify.templates import Addressee
from shared.schemas.notify import Channel, TemplateRef
from tests.services.notify.providers.http_peer import serving
from tests.services.notify.providers.messages import sms
from tests.services.notify.providers.test_kannel import KEY, Smsbox

NANXUN, DONGYANG = "330503", "330783"
GOOD = """
[callbacks]
port = 8090
url = "https://notify.nanxun.example"

[email]
post = 100

[sms]
first = 80
second = 20

[federations.330503.sms]
second = 1

[providers.post]
kind = "smtp"
host = "127.0.0.1"
username = "niangjia"
password = { file = "%(secret)s" }
from_address = "notify@nanxun.example"

[providers.first]
kind = "sms-gateway"
url = "https://sms.example"
token = { env = "SMS_OF_A_TEST" }

[providers.second]
kind = "tencent"
secret_id = "AKID"
secret_key = { env = "SMS_OF_A_TEST" }
app_id = "1400006666"
callback_key = { file = "%(secret)s" }

[providers.second.signatures]
"南浔区总工会" = "南浔总工会"

[[providers.second.templates."loan-accepted@1"]]
code = "1001"
words = "{1}您好，您的匠心贷已获银行批准：额度{2}。"

[providers.third]
kind = "aliyun"
access_key_id = "LTAI"
access_key_secret = { env = "SMS_OF_A_TEST" }
"""

LINES = """
[callbacks]
port = 8090
url = "https://notify.nanxun.example"

[sms]
line = 1
other-line = 1

[providers.line]
kind = "kannel"
url = "http://{address}/cgi-bin/sendsms"
username = "niangjia"
password = {{ env = "SMS_OF_A_TEST" }}
sender = "10690000"
callback_key = {{ env = "KEY_OF_A_TEST" }}

[providers.other-line]
kind = "smpp"
host = "127.0.0.1"
system_id = "niangjia"
password = {{ env = "SMS_OF_A_TEST" }}
sender = "10690000"
tls = true
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "secret").write_text("hidden-in-a-file\n")
    monkeypatch.setenv("SMS_OF_A_TEST", "hidden in a variable")
    path = tmp_path / "ways.toml"
    path.write_text(GOOD % {"secret": tmp_path / "secret"})
    return path


async def test_a_federation_uses_its_own_ways_and_those_of_all_where_it_has_none(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_WAYS", str(file))
    async with open_ways() as ways:
        assert set(ways.providers) == {"post", "first", "second", "third"}
        assert ways.of(NANXUN, Channel.SMS) == {"second": 1}
        assert ways.of(NANXUN, Channel.EMAIL) == ways.of(DONGYANG, Channel.EMAIL) == {"post": 100}
        assert ways.of(DONGYANG, Channel.SMS) == {"first": 80, "second": 20}
        assert {name: provider.name for name, provider in ways.providers.items()} == {n: n for n in ways.providers}


async def test_without_a_file_there_is_one_way_for_each_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_WAYS", raising=False)
    monkeypatch.setenv("SMTP_FROM_ADDRESS", "notify@nanxun.example")
    monkeypatch.setenv("SMS_URL", "http://127.0.0.1:9")
    async with open_ways() as ways:
        assert ways.of(NANXUN, Channel.SMS) == {"sms-gateway": 1}
        assert ways.of(NANXUN, Channel.EMAIL) == {"smtp": 1}


async def test_a_gateway_is_told_where_the_door_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMS_OF_A_TEST", KEY)
    monkeypatch.setenv("KEY_OF_A_TEST", key := "key-of-this-very-test")
    path = tmp_path / "ways.toml"
    async with serving(Smsbox()) as peer:
        path.write_text(LINES.format(address=peer.address))
        monkeypatch.setenv("NOTIFY_WAYS", str(path))
        async with open_ways() as ways:
            assert ways.callbacks is not None
            assert ways.callbacks.port == 8090
            line = ways.providers["line"]
            assert isinstance(line, Kannel)
            await line.send(sms())
            assert isinstance(ways.providers["other-line"], Listening)
    assert (
        peer.sent[0].headers["x-kannel-dlr-url"].startswith(f"https://notify.nanxun.example/callbacks/line/{key}?id=")
    )


def test_secrets_come_from_files_and_variables_and_are_never_shown(file: Path) -> None:
    loaded = WaysFile.load(file)
    post = loaded.providers["post"]
    assert isinstance(post, SmtpAccount)
    assert post.password is not None
    assert post.password.get_secret_value() == "hidden-in-a-file"
    assert "hidden" not in repr(loaded)


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ('{ env = "SMS_OF_A_TEST" }', '"written down"', "a secret is not written here"),
        ('{ env = "SMS_OF_A_TEST" }', '{ env = "NOT_SET" }', "there is no secret in NOT_SET"),
        ('{ env = "SMS_OF_A_TEST" }', '{ file = "/nowhere" }', "/nowhere: No such file or directory"),
        ('{ env = "SMS_OF_A_TEST" }', "{ }", "either file or env"),
        ('[callbacks]\nport = 8090\nurl = "https://notify.nanxun.example"', "", "there is no \\[callbacks\\]"),
        (
            'app_id = "1400006666"\ncallback_key = { file',
            'app_id = "1"\ncallback_key = { env = "HOME" }\n# {',
            "is not 16 to",
        ),
        ("second = 20", "fourth = 20", "fourth has a weight, and is no provider"),
        ("{1}您好，您", "{1}{3}您好", "variables stand side by side"),
        ("second = 20", "post = 20", "post sends by email, and has a weight for sms"),
        ("second = 20", "second = 0", "greater than 0"),
        ('kind = "smtp"', 'kind = "pigeon"', "does not match any of the expected tags"),
        ('username = "niangjia"', 'username = "niangjia"\nsecurity = "none"', "a password does not travel in clear"),
        ("[email]", "[post]", "post: Extra inputs are not permitted"),
        ("[email]", "[email", "Expected"),
    ],
)
def test_a_file_that_cannot_be_used_says_what_is_wrong_and_no_secret(
    file: Path, right: str, wrong: str, words: str
) -> None:
    file.write_text(file.read_text().replace(right, wrong))
    with pytest.raises(BadWays, match=words) as refused:
        WaysFile.load(file)
    assert "written down" not in str(refused.value)


def test_the_example_of_the_readme_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = Path(ways_module.__file__).with_name("README.md").read_text(encoding="utf-8")
    example = readme.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "secret").write_text("a-secret-of-this-test")
    for variable in ("ALIYUN_SECRET", "TENCENT_SECRET"):
        monkeypatch.setenv(variable, "of-a-test")
    path = tmp_path / "ways.toml"
    path.write_text(re.sub(r'"/run/secrets/[a-z-]+"', f'"{tmp_path}/secret"', example))
    loaded = WaysFile.load(path)
    assert {account.kind for account in loaded.providers.values()} == {"smtp", "aliyun", "tencent", "kannel", "smpp"}
    template = templates.shipped()[TemplateRef(id="loan-accepted", version=1)]
    to = Addressee("张建国", Sender(name="东阳市总工会", hotline="12351"))
    text = template.sms_text(to, {"limit": "100000.00", "months": 12, "annual_percent": "4.785000"})
    for name in ("aliyun", "tencent"):
        account = loaded.providers[name]
        assert isinstance(account, Approvals)
        assert list(account.worded(sms(text)).values.values()) == ["张建国", "100,000元", "12个月", "4.785%"]
