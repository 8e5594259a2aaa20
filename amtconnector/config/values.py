"""What the values of Connector.config may look like.

Each reader takes the text of a value, without the blanks around it, and returns what it means, or what was expected in
its place. No expectation repeats a word of the value: it could be a credential in the wrong line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_WAIT_S = 1_000_000.0
"""About eleven days: the operating systems' own waits end at some weeks."""

_BOOLEANS = {"TRUE": True, "ON": True, "YES": True, "1": True, "FALSE": False, "OFF": False, "NO": False, "0": False}
_LONGEST_PORT = 5
_LONGEST_LABEL = 63
_LONGEST_NAME = 253
_ASCII = "Completion : DONE (4) +\n"
_PROBE = f"{_ASCII}\u2603"


class Expected(NamedTuple):
    """What should stand in place of a value that can't be used; completes the sentence "expected ..."."""

    text: str


class Address(NamedTuple):
    """Where the AMT web server is: `host` in ASCII without brackets, `scheme` "" when none was given."""

    host: str
    port: int
    scheme: str = ""


def text(value: str) -> str:
    """Take a text as it is."""
    return value


def boolean(value: str) -> bool | Expected:
    """Read one of the eight words for yes and no, in any letter case; a typo is never taken for one of them."""
    return _BOOLEANS.get(value.upper(), Expected("True or False (or ON/OFF, YES/NO, 1/0)"))


def number(
    unit: str, *, minimum: float = 0, maximum: float, above_minimum: bool = False
) -> Callable[[str], float | Expected]:
    """Make a reader for a number of `unit`, in plain decimals without sign or exponent."""
    lower = f"above {minimum:g}" if above_minimum else f"of {minimum:g} or more"
    expected = Expected(f"a number of {unit} {lower} and at most {maximum:.0f}, such as 5 or 0.5")

    def read(value: str) -> float | Expected:
        if not (value.isascii() and value.replace(".", "", 1).isdigit()):
            return expected
        amount = float(value)
        is_low = amount <= minimum if above_minimum else amount < minimum
        return expected if is_low or amount > maximum else amount

    return read


def encoding(value: str) -> str | Expected:
    """Take the name of a text encoding that Python knows and that leaves ASCII, the log's header say, as it is."""
    try:
        written = _PROBE.encode(value, "backslashreplace")
    except (LookupError, ValueError):
        written = b""
    if written.startswith(_ASCII.encode("ascii")):
        return value
    return Expected("the name of a text encoding, such as utf-8 or cp1252")


def installation_id(value: str) -> str | Expected:
    """Read the name of an installation, which names a folder: in lower case, for Windows takes both for one."""
    if not value or re.fullmatch(r"[A-Za-z0-9-]{8,64}", value):
        return value.lower()
    return Expected("8 to 64 letters of A to Z, digits and hyphens, as Encrypt new-id writes them")


def host_name(value: str) -> str | Expected:
    """Read a host name or IP address; an internationalised name becomes its ASCII form."""
    return _host(value.strip("[]")) or Expected("a host name such as amt.example.com, without scheme and port")


def address(value: str) -> Address | Expected:
    """Read `host:port`, `[::1]:4004` or `https://host:port`."""
    scheme, separator, rest = value.rpartition("://")
    scheme = scheme.lower()
    if separator and scheme not in {"http", "https"}:
        return Expected("host:port or https://host:port; no other scheme is spoken")
    rest = rest.removesuffix("/")
    if any(mark in rest for mark in "/\\?#@"):
        return Expected("host:port or https://host:port, without user, path or query")
    return _bracketed(rest, scheme) if rest.startswith("[") else _named(rest, scheme)


def _named(rest: str, scheme: str) -> Address | Expected:
    match rest.split(":"):
        case [name, port]:
            return _address(_host(name), port, scheme)
        case [_]:
            return Expected("host:port; the port is missing, and there is no default")
        case _:
            return Expected("host:port, with brackets around an IPv6 address: [::1]:4004")


def _bracketed(rest: str, scheme: str) -> Address | Expected:
    name, _, after = rest[1:].partition("]")
    if not after:
        return Expected("[address]:port; the port is missing, and there is no default")
    if not after.startswith(":"):
        return Expected("[address]:port, such as [::1]:4004")
    return _address(_ipv6(name), after[1:], scheme)


def _address(host: str, port: str, scheme: str) -> Address | Expected:
    if not host:
        return Expected("host:port with a valid host name, or with an IPv6 address in brackets")
    is_number = port.isascii() and port.isdigit() and len(port) <= _LONGEST_PORT
    if not (is_number and 1 <= int(port) <= 65535):
        return Expected("host:port with a port from 1 to 65535")
    return Address(host, int(port), scheme)


def _host(name: str) -> str:
    """Return a host in its ASCII form and in lower case, or "" for what is none."""
    if ":" in name:
        return _ipv6(name)
    if not name.isascii():
        name = _internationalised(name)
    name = name.lower()
    is_name = len(name) <= _LONGEST_NAME and all(map(_is_label, name.removesuffix(".").split(".")))
    return name if is_name else ""


def _is_label(text: str) -> bool:
    is_word = text.isascii() and text.replace("-", "0").replace("_", "0").isalnum()
    return is_word and len(text) <= _LONGEST_LABEL


def _ipv6(name: str) -> str:
    import ipaddress  # few addresses need it

    try:
        parsed = ipaddress.IPv6Address(name)
    except ValueError:
        return ""
    return "" if parsed.scope_id else str(parsed)  # no URL holds a scope


def _internationalised(name: str) -> str:
    import idna  # few names need it

    try:
        return idna.encode(name.lower()).decode("ascii")
    except UnicodeError:
        return ""
