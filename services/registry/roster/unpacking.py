"""How large a workbook is once it is unpacked: some kilobytes can be made to hold gigabytes."""

import zipfile
import zlib
from io import BytesIO
from typing import Final
from zipfile import BadZipFile, ZipFile, ZipInfo

__all__ = ["LARGEST", "is_too_large"]

LARGEST: Final = 256 * 1024 * 1024
"""Bytes of all parts of a workbook. A roster of 100,000 members takes 60 MB."""
AT_ONCE: Final = 1024 * 1024
LOCAL_HEADER: Final = 30
"""Bytes before a part's name; two numbers at their end say how long the name and what follows it are."""


def is_too_large(content: bytes) -> bool:
    """Counted as it is unpacked: what a workbook says of its own size may be wrong. False for what is no workbook."""
    left = LARGEST
    try:
        parts = ZipFile(BytesIO(content)).infolist()
    except (BadZipFile, ValueError, NotImplementedError):
        return False
    for part in parts:
        left -= _size(part, content, left)
        if left < 0:
            return True
    return False


def _size(part: ZipInfo, content: bytes, most: int) -> int:
    """Of a part; more than `most` where it is more."""
    start = part.header_offset
    name, more = (int.from_bytes(content[start + at : start + at + 2], "little") for at in (26, 28))
    packed = memoryview(content)[start + LOCAL_HEADER + name + more :][: part.compress_size]
    match part.compress_type:
        case zipfile.ZIP_STORED:
            return len(packed)
        case zipfile.ZIP_DEFLATED:
            return _inflated(packed, most)
        case _:
            return most + 1


def _inflated(packed: memoryview, most: int) -> int:
    stream, size, rest = zlib.decompressobj(-zlib.MAX_WBITS), 0, bytes(packed)
    try:
        while rest and size <= most:
            size += len(stream.decompress(rest, AT_ONCE))
            rest = stream.unconsumed_tail
    except zlib.error:
        return size  # whoever reads it says what is wrong with it
    return size
