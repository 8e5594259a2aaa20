"""Simple XML as the same values as JSON: elements are members, elements of one name a list, the root stands for all.

Attributes and namespaces don't count. A document type is refused: it is what entity bombs and foreign files come with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from amtconnector.amtopcon.wire.document import Object

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.document import Json

_DEEPEST = 100


def document_of(body: bytes) -> Json:
    """Return what stands below the root element; raises ValueError."""
    if b"\0" in body or b"<!" in body.replace(b"<!--", b"").replace(b"<![CDATA[", b""):
        raise ValueError("a document type")
    try:
        root = ET.fromstring(body)  # noqa: S314 - what makes it dangerous, a document type, is refused
    except ET.ParseError as error:
        raise ValueError(str(error)) from error
    return _value(root, _DEEPEST)


def _value(element: ET.Element, depth: int) -> Json:
    if not depth:
        raise ValueError("nested too deeply")
    if len(element) == 0:
        return element.text or ""
    grouped: dict[str, list[Json]] = {}
    for child in element:
        name = child.tag.rpartition("}")[2]
        grouped.setdefault(name, []).append(_value(child, depth - 1))
    return Object((name, values[0] if len(values) == 1 else values) for name, values in grouped.items())
