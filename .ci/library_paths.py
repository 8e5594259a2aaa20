"""Where libraries for Linux look for further ones, beside the system's own places: nowhere but beside themselves.

An interpreter writes the folder that it was built for into them, /home/NAME/.pyenv say. On the machine that the program
is copied to that folder may be missing, and NAME an account that may make it: what it put there would be loaded.

The form is that of the System V ABI for 64-bit files: program headers, and in their dynamic section an array of tags.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, the low byte first
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 0, 5, 15, 29
_TAG = struct.Struct("<QQ")
_BESIDE_ITSELF = b"$ORIGIN"


def remove(folder: Path) -> None:
    """Take every search path that leads elsewhere out of the libraries below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and any(foreign(path)):
            path.write_bytes(_without_foreign(path.read_bytes()))


def foreign(path: Path) -> Iterator[str]:
    """Yield the search paths in a file that do not begin beside it; none for what is no such file."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return
    content = path.read_bytes()
    yield from (text.decode("utf-8", "replace") for _, text in _foreign(content))


def _without_foreign(content: bytes) -> bytes:
    changed = bytearray(content)
    removed = {at for at, _ in _foreign(content)}
    entries = list(_dynamic(content))
    kept = [(tag, value) for at, tag, value in entries if at not in removed]
    kept += [(_DT_NULL, 0)] * len(removed)
    for (at, _, _), entry in zip(entries, kept, strict=True):
        _TAG.pack_into(changed, at, *entry)
    return bytes(changed)


def _foreign(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the search paths with the places of their tags."""
    entries = list(_dynamic(content))
    texts = next((_offset_of(content, value) for _, tag, value in entries if tag == _DT_STRTAB), 0)
    for at, tag, value in entries:
        if tag in {_DT_RPATH, _DT_RUNPATH}:
            text = content[texts + value : content.index(b"\0", texts + value)]
            if not all(part.startswith(_BESIDE_ITSELF) for part in text.split(b":")):
                yield at, text


def _dynamic(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield place, tag and value of each entry of the dynamic section, the last one, DT_NULL, included."""
    for kind, offset, _, size in _segments(content):
        if kind == _PT_DYNAMIC:
            for at in range(offset, offset + size, _TAG.size):
                tag, value = _TAG.unpack_from(content, at)
                yield at, tag, value
                if tag == _DT_NULL:
                    break


def _offset_of(content: bytes, address: int) -> int:
    for kind, offset, start, size in _segments(content):
        if kind == _PT_LOAD and start <= address < start + size:
            return offset + address - start
    raise ValueError("an address that no segment holds")


def _segments(content: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield kind, offset, address and size of each part of the file."""
    (table,) = struct.unpack_from("<Q", content, 32)
    length, count = struct.unpack_from("<HH", content, 54)
    for at in range(table, table + length * count, length):
        kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", content, at)
        yield kind, offset, address, size
