"""A fuzz of every reader of foreign bytes.

    python -m tests.fuzz --seconds 60 [--seed N] [--reader NAME] [--save FOLDER]
python -m tests.fuzz --reader status --again FOLDER/status-1.bin     one saved input again
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.fuzz.fuzzing import Fuzzing, judged
from tests.fuzz.readers import readers


def main() -> int:
    """Try inputs until the time is over; 0 when no reader let through what it should not."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=60, help="how long to try")
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(10**6), help="what inputs come from"
    )
    parser.add_argument("--reader", action="append", help="this reader alone; repeatable")
    parser.add_argument("--save", type=Path, help="a folder for the inputs that show a fault")
    parser.add_argument("--again", type=Path, help="a saved input to try again, with --reader")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="amt-fuzz-") as temporary:
        every = readers(Path(temporary))
        chosen = [reader for reader in every if not given.reader or reader.name in given.reader]
        if not chosen or (given.again and len(chosen) > 1):
            parser.error(f"--reader is one of {', '.join(reader.name for reader in every)}")
        if given.again:
            fault = judged(chosen[0], given.again.read_bytes())
            sys.stdout.write(f"{fault or 'no fault'}\n")
            return 1 if fault else 0
        sys.stdout.write(f"seed {given.seed}\n")
        sys.stdout.flush()
        fuzzing = Fuzzing(chosen, given.seed, given.save)
        fuzzing.run(given.seconds)
    sys.stdout.write(f"{fuzzing.summary}\n")
    return 1 if fuzzing.faults else 0


if __name__ == "__main__":
    sys.exit(main())
