"""Modules that a run hardly ever uses wait until they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.source_only


def printed_by(program: str) -> str:
    """Return what an interpreter of its own prints, in which nothing of the tests is imported."""
    began = f"import sys; sys.path[:0] = {[str(ROOT), *sys.path]!r}\nfrom amtconnector.system import seldom_used\n"
    # Without `site`, and so without what measures coverage: that imports much.
    command = [sys.executable, "-S", "-c", f"{began}seldom_used.import_when_used()\n{program}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_the_client_of_a_run_loads_none_of_them() -> None:
    """What they import themselves is not there either: the tables of names, the parser of Python, OpenSSL."""
    told = printed_by(
        "import amtconnector.run.session\n"
        "print(*sorted({'_ssl', 'ast', 'dis', 'email.feedparser', 'idna.core', 'linecache'} & set(sys.modules)))"
    )
    assert told == ""


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("import idna, idna.core; print(idna.encode('bücher.example').decode())", "xn--bcher-kva.example"),
        ("from inspect import cleandoc; print(cleandoc('  a'))", "a"),
        ("import email.header as h; print(h.Header('a'), __import__('email').header.Header('b'))", "a b"),
        ("import ssl as s, ssl; print(s.SSLContext is ssl.SSLContext, issubclass(s.SSLError, OSError))", "True True"),
        ("import http.client, io; print(http.client.parse_headers(io.BytesIO(b'A: b\\r\\n\\r\\n'))['a'])", "b"),
        ("import httpx; print(httpx.URL('http://bücher.example/').raw_host.decode())", "xn--bcher-kva.example"),
    ],
)
def test_whoever_uses_one_gets_it(program: str, told: str) -> None:
    """However it is imported: as a module, for one of its names, as a part of its package, by another module."""
    assert printed_by(program) == told


def test_a_name_that_a_module_does_not_have_is_missed_as_ever() -> None:
    """A stand-in has what its module has, and no more."""
    assert (
        printed_by("import traceback; print(hasattr(traceback, 'nothing'), hasattr(traceback, 'format_exc'))")
        == "False True"
    )


def test_what_is_imported_already_stays() -> None:
    """A stand-in beside the module itself would be a second one."""
    told = printed_by(
        "import ssl; before = ssl.SSLError; seldom_used.import_when_used(); import ssl; print(before is ssl.SSLError)"
    )
    assert told == "True"
