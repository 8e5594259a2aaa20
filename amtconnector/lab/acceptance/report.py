"""What was found, for programs as JSON and for people as one page that can be mailed."""

from __future__ import annotations

import getpass
import html
import json
import os
import platform
import sys
from typing import TYPE_CHECKING, NamedTuple

from amtconnector import __version__
from amtconnector.lab.acceptance.check import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

_OUTPUT_LINES = 60
_STYLE = """
:root { color-scheme: light dark; --line: #8886; --ok: #1a7f37; --bad: #cf222e; --none: #777; }
@media (prefers-color-scheme: dark) { :root { --ok: #4ac26b; --bad: #ff7b72; --none: #999; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 66rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem .35rem 0; border-top: 1px solid var(--line); }
td:nth-child(4), th:nth-child(4) { text-align: right; white-space: nowrap; padding-right: 0; }
.ok { color: var(--ok); } .failed { color: var(--bad); font-weight: 600; } .not-tried { color: var(--none); }
small { color: var(--none); }
.outcome { white-space: nowrap; } pre { overflow-x: auto; font-size: 12px; border-left: 3px solid var(--line);
padding-left: .7rem; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dd { margin: 0; }
"""


class Report(NamedTuple):
    """One acceptance: where, of what, since when, and what each check found."""

    program: str
    version: str
    account: str
    session: str
    begun: datetime
    seconds: float
    results: tuple[Result, ...]

    @property
    def is_well(self) -> bool:
        """Whether something was tried and nothing failed."""
        return self.count(Outcome.OK) > 0 and not self.count(Outcome.FAILED)

    def count(self, outcome: Outcome) -> int:
        """Return how many checks turned out so."""
        return sum(result.outcome is outcome for result in self.results)

    @property
    def verdict(self) -> str:
        """The whole in one line."""
        counts = ", ".join(f"{self.count(outcome)} {outcome.value.lower()}" for outcome in Outcome)
        return f"{'All is well' if self.is_well else 'NOT accepted'}: {counts}, in {self.seconds:.0f} s"


def as_json(report: Report) -> str:
    """Return the report as one JSON document."""
    facts = {**_facts(report), "is_well": report.is_well, "seconds": report.seconds}
    counts = {outcome.value.lower(): report.count(outcome) for outcome in Outcome}
    checks = [{**result._asdict(), "outcome": result.outcome.value.lower()} for result in report.results]
    return json.dumps({**facts, "counts": counts, "checks": checks}, indent=2) + "\n"


def as_page(report: Report) -> str:
    """Return the report as one HTML page that needs nothing else."""
    facts = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in _facts(report).items())
    rows = "".join(_row(result) for result in report.results)
    status = "ok" if report.is_well else "failed"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>AMT Connector: acceptance</title><style>{_STYLE}</style></head><body>
<h1>AMT Connector: acceptance</h1>
<p class="{status}">{_text(report.verdict)}</p>
<dl>{facts}</dl>
<table><thead><tr><th>Outcome</th><th>Check</th><th>What was found</th><th>Seconds</th></tr></thead>
<tbody>{rows}</tbody></table>
<p>"Not tried" means that this system or account can't do what the check needs; docs/acceptance.md says how else.</p>
</body></html>
"""


def write(report: Report, base: Path) -> list[Path]:
    """Write `base`.json and `base`.html, each whole or not at all; return their paths. Raises OSError."""
    written = []
    for suffix, text in ((".html", as_page(report)), (".json", as_json(report))):
        path = base.with_name(base.name + suffix)
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
        written.append(path)
    return written


def account() -> str:
    """Return the account that this process runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "an account without a name"


def session() -> str:
    """Return the Windows session that this process runs in; "" elsewhere."""
    found = ""
    if sys.platform == "win32":
        import ctypes

        number = ctypes.c_ulong()
        ctypes.WinDLL("kernel32").ProcessIdToSessionId(os.getpid(), ctypes.byref(number))
        found = f"session {number.value}"
    return found


def _facts(report: Report) -> dict[str, str]:
    return {
        "program": report.program,
        "version": report.version,
        "lab": __version__,
        "machine": platform.node(),
        "system": f"{platform.system()} {platform.release()} ({platform.version()}), {platform.machine()}",
        "account": " ".join(filter(None, (report.account, report.session))),
        "begun": report.begun.isoformat(timespec="seconds"),
    }


def _row(result: Result) -> str:
    kind = result.outcome.value.lower().replace(" ", "-")
    output = "\n".join(result.output.splitlines()[-_OUTPUT_LINES:])
    shown = f"<details><summary>what it printed</summary><pre>{_text(output)}</pre></details>" if output else ""
    return (
        f'<tr id="{_text(result.name)}"><td class="outcome {kind}">{_text(result.outcome.value)}</td>'
        f"<td>{_text(result.title)} <small>{_text(result.name)}</small></td>"
        f"<td>{_text(result.finding)}{shown}</td><td>{result.seconds:.1f}</td></tr>\n"
    )


def _text(value: Sequence[str] | str) -> str:
    return html.escape(str(value))
