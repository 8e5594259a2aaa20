"""The long form: python -m tests.end_to_end.chaos --runs 1000 --seed 7 [--only N] [--at-once N] [--program PATH]."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.conftest import built_programs, source_programs
from tests.end_to_end.chaos.report import Theatre, summary


def main() -> int:
    """Play the runs, print the figures and every failure; 0 when there is none."""
    parser = argparse.ArgumentParser(prog="python -m tests.end_to_end.chaos")
    parser.add_argument("--runs", type=int, default=100, help="how many runs to play")
    parser.add_argument("--seed", type=int, default=1, help="what the plans are made from")
    parser.add_argument("--only", type=int, action="append", help="play this run of the seed alone; repeatable")
    parser.add_argument("--at-once", type=int, default=8, help="how many runs to play at a time")
    parser.add_argument("--program", type=Path, help="a built amt to try")
    parser.add_argument("--keep", type=Path, help="a folder to leave configuration, output and records in")
    given = parser.parse_args()
    programs = built_programs(given.program.absolute()) if given.program else source_programs()
    with tempfile.TemporaryDirectory(prefix="amt-chaos-") as temporary:
        theatre = Theatre(given.keep or Path(temporary), programs, at_once=given.at_once, say=_say)
        report = theatre.play(given.seed, given.only or range(given.runs))
    for failure in report.failures:
        sys.stdout.write(f"\n=== {failure}\n")
    sys.stdout.write(f"\nseed {given.seed}: {summary(report)}\n")
    return 1 if report.failures else 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
