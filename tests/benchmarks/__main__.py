"""Run every benchmark and write the tables into docs/performance.md: `python -m tests.benchmarks`.

Needs a quiet machine, the packages of the extras test and build, and a JDK and curl for the comparison programs. With
names of benchmarks only those are run and printed, and the document is left alone: `python -m tests.benchmarks load`.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from amtconnector import __version__
from tests.benchmarks import bench, crowd, directory, growth, load, messages, startup, waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.bench import Bench
    from tests.benchmarks.table import Section

DOCUMENT = bench.ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"


def main() -> int:
    """Run what the command line asks for; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", help=", ".join(benchmarks(1)))
    parser.add_argument("--program", type=Path, default=bench.ROOT / "dist" / "amt" / "amt", help="the built amt")
    parser.add_argument("--rounds", type=int, default=15, help="alternated runs of each program (%(default)s)")
    options = parser.parse_args()
    program = options.program.absolute() if options.program.is_file() else _built()
    began = time.monotonic()
    with bench.prepared(program) as prepared:
        wanted = options.names or list(benchmarks(1))
        sections = [_run(name, benchmarks(options.rounds)[name], prepared) for name in wanted]
    if not options.names:
        _write(sections, time.monotonic() - began)
    return 0 if all(row.is_met for section in sections for row in section.rows) else 1


def benchmarks(rounds: int) -> dict[str, Callable[[Bench], Section]]:
    """Return all benchmarks by name."""
    return {
        "start-up": lambda prepared: startup.whole_jobs(prepared, rounds),
        "many": lambda prepared: startup.many(prepared, rounds),
        "waiting": waiting.while_it_waits,
        "messages": lambda prepared: messages.a_million(prepared, rounds),
        "load": lambda _: load.on_the_server(),
        "growth": growth.without_the_square,
        "directory": lambda prepared: directory.with_many_runs(prepared, rounds),
        "crowd": crowd.in_front_of_one_server,
    }


def _run(name: str, benchmark: Callable[[Bench], Section], prepared: Bench) -> Section:
    sys.stderr.write(f"{name} ...\n")
    section = benchmark(prepared)
    sys.stdout.write(f"{section.as_markdown()}\n")
    sys.stdout.flush()
    return section


def _built() -> Path:
    """Build the program as CI does and return it."""
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", "build.spec"]
    subprocess.run(command, cwd=bench.ROOT, check=True)
    return bench.ROOT / "dist" / "amt" / "amt"


def _write(sections: list[Section], took_s: float) -> None:
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    tables = "\n".join(section.as_markdown() for section in sections)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{_circumstances(took_s)}\n{tables}\n{END}{after}", encoding="utf-8")


def _circumstances(took_s: float) -> str:
    java = subprocess.run(
        ["/usr/bin/env", "java", "-version"], check=True, capture_output=True, text=True
    ).stderr.splitlines()[0]
    return (
        f"AMT Connector {__version__}, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, {java}. All of it took {took_s / 60:.0f} min.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
