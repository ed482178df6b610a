"""A workbook whose kilobytes unpack to gigabytes is refused before it is read."""

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from services.registry.roster import unpacking
from services.registry.roster.reading import open_roster
from shared.schemas.messages import Refused
from tests.services.registry.rosters import people, write_roster

LARGEST = 16 * 1024 * 1024


def repacked(workbook: bytes, sheet: Callable[[bytes], bytes]) -> bytes:
    """The workbook with a sheet that is much longer."""
    packed = BytesIO()
    with zipfile.ZipFile(BytesIO(workbook)) as was, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name in was.namelist():
            content = was.read(name)
            made.writestr(name, sheet(content) if name.endswith("sheet1.xml") else content)
    return packed.getvalue()


def swollen(sheet: bytes) -> bytes:
    return sheet.replace(b"</sheetData>", b" " * LARGEST + b"</sheetData>")


@pytest.fixture(autouse=True)
def _least(monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller limit, which a test is quicker at."""
    monkeypatch.setattr(unpacking, "LARGEST", LARGEST)


@pytest.fixture
def workbook(tmp_path: Path) -> bytes:
    return write_roster(tmp_path / "名册.xlsx", list(people(3))).read_bytes()


def test_one_that_unpacks_to_too_much_is_refused(workbook: bytes) -> None:
    bomb = repacked(workbook, swollen)
    assert len(bomb) < LARGEST // 300
    with pytest.raises(Refused, match="roster_too_large"):
        open_roster(BytesIO(bomb))


def test_one_that_lies_about_its_size_is_refused_too(workbook: bytes) -> None:
    bomb = bytearray(repacked(workbook, swollen))
    with zipfile.ZipFile(BytesIO(bomb)) as packed:
        size = packed.getinfo("xl/worksheets/sheet1.xml").file_size.to_bytes(4, "little")
    assert size in bomb
    with pytest.raises(Refused, match="roster_too_large"):
        open_roster(BytesIO(bytes(bomb).replace(size, (1000).to_bytes(4, "little"))))


def test_an_ordinary_one_is_read(workbook: bytes) -> None:
    assert open_roster(BytesIO(workbook)).size == 3


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xff" * 1000])
def test_what_is_none_is_unreadable(content: bytes) -> None:
    with pytest.raises(Refused, match="roster_unreadable"):
        open_roster(BytesIO(content))
