"""Write a value as simple XML, as a .NET service does that is asked for it."""

from __future__ import annotations

from xml.sax.saxutils import escape

HEAD = '<?xml version="1.0" encoding="utf-8"?>'


def xml_text(value: object) -> bytes:
    """Return a document: an object with one object in it gives the root element, a list is an ArrayOfString."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value.values())), dict):
        [(root, inner)] = value.items()
    else:
        root, inner = "ArrayOfString" if isinstance(value, list) else _scalar_name(value), value
    return f"{HEAD}{_element(root, inner)}".encode(errors="replace")


def _element(name: str, value: object) -> str:
    if value is None:
        return f"<{name} />"
    return f"<{name}>{_content(value)}</{name}>"


def _content(value: object) -> str:
    if isinstance(value, dict):
        return "".join(_element(name, part) for name, part in value.items())
    if isinstance(value, list):
        return "".join(_element("Item" if isinstance(item, dict) else _scalar_name(item), item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "".join(map(_allowed, escape(str(value))))


def _allowed(character: str) -> str:
    """Return a character that XML 1.0 can hold."""
    return character if character >= " " or character in "\t\n\r" else "\N{REPLACEMENT CHARACTER}"


def _scalar_name(value: object) -> str:
    match value:
        case str():
            return "string"
        case int() | float():
            return "int"
        case _:
            return "Response"
