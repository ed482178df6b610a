"""What is tracked holds no secret: no key, no token, no password that opens anything."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SECRETS: Final = {
    "seed of an nkey": r"\bS[UAOCNX][A-Z2-7]{56}\b",
    "signed token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",
    "private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
    "32 bytes under the name of a key": r"(?i)key\w*[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9+/]{43}=(?![A-Za-z0-9=])",
    "password in a URL": r"\b(?:postgres(?:ql)?|nats|tls|amqp|redis|https?)://[^\s:/@\"'{}<>$]+:[^\s/@\"'{}<>$]+@",
    "access key of a cloud": r"\b(?:AKIA[0-9A-Z]{16}|LTAI[A-Za-z0-9]{12,20}|AKID[A-Za-z0-9]{13,40})\b",
}
MADE_UP: Final = re.compile(
    r".*:(?:…|guess|of-[a-z-]+)@"  # in documents, and of the tests' own users
    r"|.*c3VjaC1hLXNlY3JldC1vZi0zMi1ieXRlcy1pbi10ZXM="  # such-a-secret-of-32-bytes-in-tes
)
"""What looks like a secret and is none."""


def tracked() -> list[Path]:
    try:
        names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a clone: what is tracked is not known")
    return [ROOT / name for name in names.decode().split("\0") if name]


def found(text: str) -> list[tuple[str, str]]:
    """By kind."""
    every = ((kind, match[0]) for kind, pattern in SECRETS.items() for match in re.finditer(pattern, text))
    return [(kind, secret) for kind, secret in every if not MADE_UP.fullmatch(secret)]


def test_no_tracked_file_holds_a_secret() -> None:
    files = [path for path in tracked() if path.is_file()]
    assert len(files) > 500
    told = {str(path.relative_to(ROOT)): found(path.read_text("utf-8", "ignore")) for path in files}
    assert {name: [kind for kind, _ in secrets] for name, secrets in told.items() if secrets} == {}


def test_no_tracked_file_is_one_that_holds_secrets_by_its_name() -> None:
    kinds = {".creds", ".nk", ".key", ".pem", ".p12", ".pfx", ".jks", ".password"}
    assert [path.name for path in tracked() if path.suffix in kinds or path.name == ".env"] == []
    settings = "\n".join(path.read_text("utf-8") for path in tracked() if path.suffix == ".env")
    assert settings
    assert re.findall(r"(?m)^\w*(?:PASSWORD|SECRET|TOKEN|_KEY)=.+", settings) == []


def test_what_is_looked_for_would_be_found() -> None:
    seed, half = "SU" + "A" * 56, "A" * 43 + "="
    token = ".".join(("eyJ" + "a" * 20, "eyJ" + "b" * 20, "c" * 40))
    begin = "-----BEGIN EC PRIVATE " + "KEY-----"
    urls = "postgresql://loan:" + "hunter2@db/niangjia", "nats://loan:" + "hunter2@broker"
    for text in (seed, token, begin, f'"MASTER_KEY": "{half}"', f"MASTER_KEY={half}", *urls, "LTAI" + "4" * 16):
        assert found(text), text
    for text in ("postgresql://{name}:{password}@{address}", "nats://user:$PASSWORD@host", "MASTER_KEY_FILE=/run/key"):
        assert not found(text), text
