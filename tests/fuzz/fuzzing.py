"""Trying inputs: what leaves a reader, what its judge says, and how time and memory grow."""

from __future__ import annotations

import random
import time
import traceback
import tracemalloc
from collections import Counter
from typing import TYPE_CHECKING

from tests.fuzz.mutation import Mutator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fuzz.readers import Reader

TIME_LIMIT_S = 5.0
TIME_LIMIT_S_PER_BYTE = 20e-6
"""Processor time that an input may take: 1.7 s for 60 KB, where a reader that is linear takes 0.1 s at most."""

MEMORY_LIMIT = 8 * 1024 * 1024
MEMORY_LIMIT_PER_BYTE = 200
_GROWN_EVERY = 25
_MEASURED_EVERY = 100
_MOST_FAULTS_OF_A_KIND = 3
_SHOWN = 300


def judged(reader: Reader, content: bytes) -> str:
    """Return what is wrong with how a reader takes an input; "" for nothing."""
    begun = time.process_time()
    try:
        fault = reader.judged(content)
    except reader.refusals:
        fault = ""
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        places = traceback.extract_tb(error.__traceback__)
        place = next((entry for entry in reversed(places) if "amtconnector" in entry.filename), places[-1])
        return f"{type(error).__name__} at {place.filename.rpartition('/')[2]}:{place.lineno} left the reader: {error}"
    taken_s = time.process_time() - begun
    limit_s = TIME_LIMIT_S + TIME_LIMIT_S_PER_BYTE * len(content)
    return fault or (f"{len(content)} bytes took longer than {limit_s:.1f} s" if taken_s > limit_s else "")


def memory_fault(reader: Reader, content: bytes) -> str:
    """Return what is wrong with the memory that a reader needs for an input; "" for nothing."""
    tracemalloc.start()
    try:
        judged(reader, content)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    limit = MEMORY_LIMIT + MEMORY_LIMIT_PER_BYTE * len(content)
    return f"{len(content)} bytes took {most} bytes of memory" if most > limit else ""


class Fuzzing:
    """Tries inputs of one seed; `save_in` takes those that show a fault."""

    def __init__(self, readers: Sequence[Reader], seed: int, save_in: Path | None) -> None:
        self._readers = readers
        chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._mutators = {
            reader.name: Mutator(reader.examples, random.Random(chance.random()))  # noqa: S311 - the same
            for reader in readers
        }
        self._save_in = save_in
        self._kinds: Counter[str] = Counter()
        self._spent_s = dict.fromkeys((reader.name for reader in readers), 0.0)
        self.tried: Counter[str] = Counter()
        self.faults: list[str] = []

    @property
    def summary(self) -> str:
        """The faults and the figures."""
        figures = ", ".join(f"{name}: {number}" for name, number in self.tried.items())
        return "\n".join([*self.faults, f"inputs: {figures}", f"{len(self.faults)} faults"])

    def run(self, seconds: float) -> None:
        """Try the examples, then inputs made from them, until the time is over; each reader gets as much of it."""
        until = time.monotonic() + seconds
        for reader in self._readers:
            for content in reader.examples:
                self._try(reader, content)
        while time.monotonic() < until:
            reader = min(self._readers, key=lambda one: self._spent_s[one.name])
            begun = time.monotonic()
            self._try(reader, self._next_input(reader))
            self._spent_s[reader.name] += time.monotonic() - begun

    def _next_input(self, reader: Reader) -> bytes:
        mutator = self._mutators[reader.name]
        return mutator.next_input() if self.tried[reader.name] % _GROWN_EVERY else mutator.grown()

    def _try(self, reader: Reader, content: bytes) -> None:
        fault = judged(reader, content)
        if "took longer" in fault:
            fault = judged(reader, content)  # once more: another process may have been in the way
        if not fault and self.tried[reader.name] % _MEASURED_EVERY == 0:
            fault = memory_fault(reader, content)
        self.tried[reader.name] += 1
        if fault:
            self._note(reader, content, fault)

    def _note(self, reader: Reader, content: bytes, fault: str) -> None:
        kind = f"{reader.name}: {fault[:40]}"
        self._kinds[kind] += 1
        if self._kinds[kind] > _MOST_FAULTS_OF_A_KIND:
            return
        where = ""
        if self._save_in is not None:
            self._save_in.mkdir(parents=True, exist_ok=True)
            path = self._save_in / f"{reader.name}-{len(self.faults) + 1}.bin"
            path.write_bytes(content)
            where = f"\n    again: python -m tests.fuzz --reader {reader.name} --again {path}"
        self.faults.append(f"{reader.name}: {fault}\n    {content[:_SHOWN]!r}{where}")
