"""Playing one run: real processes of the connector against a real simulator, hit by what the plan says."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.end_to_end.chaos.facts import NOTHING, Act, Truth
from tests.end_to_end.workplace import SharedSimulator, Workplace, opcon_job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Programs
    from tests.end_to_end.chaos.plan import Event, Plan, Step

LONGEST_S = 100.0
PATIENCE_S = 4.0
"""After so many seconds an operator ends a task that does not end by itself."""

MOST_SETTLINGS = 6
_LOOK_S = 0.02


@dataclass(slots=True)
class Stage:
    """Where one run is played. `coverage` collects what has happened, by name."""

    plan: Plan
    simulator: SharedSimulator
    foreign: SharedSimulator | None
    folder: Path
    programs: Programs
    coverage: set[str] = field(default_factory=set)
    acts: list[Act] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    """What the first process sees beside what it needs."""
    _site: Workplace = field(init=False)
    _up_since: float = 0.0
    _number: int = 0

    def play(self) -> list[Act]:
        """Play every step, then let operators settle what is left; return each process with the truth after it."""
        self.simulator.refresh()
        plan = self.plan
        ca_file = self.simulator.ca_file if plan.uses_tls else None
        self._site = Workplace(self.folder, self.programs, self.simulator.address, ca_file=ca_file)
        self._configure()
        try:
            for step in plan.steps:
                self._step(step)
                if self.acts[-1].truth.record.get("state") == "finished":
                    break  # the next run of the job would be a new one
            self._settle_everything()
        finally:
            self._site.close()
        return self.acts

    def _configure(self) -> None:
        self._site.write_config(self.plan.settings)
        self._site.add_to_server(**self.plan.server_settings)

    def _step(self, step: Step) -> None:
        self.simulator.clear_faults()
        labels: dict[int, str] = {}
        for fault in step.faults:
            added = self.simulator.add_fault(fault.call, fault.kind, **fault.details)
            labels[added["number"]] = fault.label
        with self._mistake(step.mistake) as arguments:
            running = [self._begin(*arguments, has_twin=step.has_twin)]
            if step.has_twin:
                running.append(self._begin(*arguments, has_twin=True))
            self._live_through(running, [*step.events], labels)
            self._note_faults(labels)
            for act, process in running:
                self._end(act, process)
        self.simulator.clear_faults()

    def _settle_everything(self) -> None:
        """Do what an operator does after each end, until nothing is open."""
        for _ in range(MOST_SETTLINGS):
            last = self.acts[-1]
            for task in last.truth.tasks:
                if not task["has_ended"] and last.truth.record.get("state") == "submitted":
                    self.simulator.end_task(task["id"], "DONE")
            way = self._way_on(last)
            if way is None:
                return
            self._configure()  # a new password in the file: a refused one is not tried for 10 minutes
            running = self._begin(*way)
            self._live_through([running], [], {})
            self._end(*running)

    def _way_on(self, last: Act) -> tuple[str, ...] | None:
        record, tasks = last.truth.record, last.truth.tasks
        if record.get("state") not in {"intended", "submitted"} or any(task["is_forgotten"] for task in tasks):
            return None
        if record["state"] == "submitted":
            return self._start()
        self.coverage.add("settled by ATTACH" if tasks else "settled by --release")
        if tasks:
            return "-jt", "ATTACH", "-id", str(tasks[0]["id"])
        return *self._start(), "--release", record["run_id"]

    def _start(self) -> tuple[str, ...]:
        return "-jt", "START", "-an", "CHAOS", "-jn", self.plan.job, "-pa", f"{self.plan.seed}/{self.plan.number}"

    @contextmanager
    def _mistake(self, code: int) -> Iterator[tuple[str, ...]]:
        """Break something for a while: the command line (101), the configuration (102), the key (103)."""
        arguments = self._start()
        content, key = self._site.config.read_text("utf-8"), self._site.folder / "connector.key"
        if code == 101:
            arguments = (*arguments, "-zz", "1")
        elif code == 102:
            self._site.config.write_text(f"{content}\nREAD_TIMEOUT=soon\n", encoding="utf-8")
        elif code == 103:
            key.rename(key.with_suffix(".gone"))
        try:
            yield arguments
        finally:
            if code == 103:
                key.with_suffix(".gone").rename(key)
            self._site.config.write_text(content, encoding="utf-8")

    def _begin(self, *arguments: str, has_twin: bool = False) -> tuple[Act, subprocess.Popen[bytes]]:
        self._number += 1
        path = self.folder / f"output-{self._number}.txt"
        identity = opcon_job(f"Chaos {self.plan.seed} {self.plan.number}", number=self._number)
        with path.open("wb") as file:
            own = {**identity, **(self.environment if self._number == 1 else {})}
            process = self._site.start(*arguments, environment=own, stdout=file.fileno())
        before = self.acts[-1].truth if self.acts else NOTHING
        return Act(self._number, arguments, path, has_twin, before), process

    def _live_through(
        self, running: list[tuple[Act, subprocess.Popen[bytes]]], events: list[Event], labels: dict[int, str]
    ) -> None:
        """Let each event happen when its time has come, until the processes have ended; the first one gets them."""
        begun = time.monotonic()
        due: dict[int, float] = {}
        patient_until = begun + PATIENCE_S
        while alive := [pair for pair in running if pair[1].poll() is None]:
            act, process = alive[0]
            if time.monotonic() - begun > LONGEST_S:
                act.problems.append(f"still running after {LONGEST_S:g} s")
                process.kill()
                break
            if time.monotonic() > patient_until:
                patient_until += PATIENCE_S
                self._operate("DONE")
            for number, event in enumerate(events):
                if number not in due and (not event.moment or event.moment.encode() in act.path.read_bytes()):
                    due[number] = time.monotonic() + event.after_s
                if due.get(number, float("inf")) <= time.monotonic():
                    due[number] = float("inf")
                    self._happen(event, act, process, labels)
            time.sleep(_LOOK_S)

    def _happen(self, event: Event, act: Act, process: subprocess.Popen[bytes], labels: dict[int, str]) -> None:
        moment = event.moment.strip(" -:") or "some time"
        self.coverage.add(f"{event.what} at '{moment}'")
        act.events.append(f"{event.what} at '{moment}' + {event.after_s:g} s")
        if event.what.startswith("SIG"):
            self._signal(event.what, process)
        elif event.what == "tokens expire":
            self.simulator.expire_tokens()
        elif event.what in {"the task ends", "the task is forgotten"}:
            self._operate("" if event.what == "the task is forgotten" else event.status)
        elif event.what == "freeze":
            self._freeze(event.lasts_s)
        else:
            self._note_faults(labels)
            labels.clear()  # faults do not outlive a restart
            self._outage(event)

    def _signal(self, what: str, process: subprocess.Popen[bytes]) -> None:
        name, _, twice = what.partition(" ")
        number = signal.Signals[name]
        process.send_signal(number)
        if twice:
            time.sleep(0.05)
            process.send_signal(number)

    def _operate(self, status: str) -> None:
        """End the task with a status, or without one make the server forget it."""
        for task in self.simulator.tasks():
            if status:
                self.simulator.end_task(task["id"], status)
            else:
                self.simulator.forget_task(task["id"])

    def _freeze(self, seconds: float) -> None:
        os.kill(self.simulator.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.simulator.pid, signal.SIGCONT)

    def _outage(self, event: Event) -> None:
        self.simulator.kill()
        if event.what == "black hole":
            _swallow(self.simulator.port, event.lasts_s + 0.6)
        elif event.what == "foreign certificate" and self.foreign is not None:
            self._pretend(self.foreign, event.lasts_s)
        else:
            time.sleep(event.lasts_s)
        self._up_since = time.time()
        self.simulator.start()

    def _pretend(self, foreign: SharedSimulator, seconds: float) -> None:
        """Let somebody else answer at the simulator's address for a while."""
        foreign.port = self.simulator.port
        foreign.start()
        time.sleep(seconds + 0.5)
        foreign.kill()

    def _note_faults(self, labels: dict[int, str]) -> None:
        if labels:
            fired = {fault["number"] for fault in self.simulator.faults() if fault["fired"]}
            self.coverage |= {label for number, label in labels.items() if number in fired}

    def _end(self, act: Act, process: subprocess.Popen[bytes]) -> None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(LONGEST_S)
        if process.returncode is None:
            act.problems.append(f"still running after {LONGEST_S:g} s")
            process.kill()
            process.wait()
        self._wait_until_quiet()
        act.exit_code = process.returncode
        act.text = act.path.read_bytes().decode("utf-8", "backslashreplace")
        act.truth = self._truth()
        self.coverage.add(f"exit code {act.exit_code}")
        self.coverage |= {f"exception {name}" for name in re.findall(r"\[(\w+(?:Error|Timeout))\]", act.truth.logs)}
        self.acts.append(act)

    def _wait_until_quiet(self) -> None:
        """Wait until the simulator is done with every request: a late one may still start a task."""

        def is_quiet(simulator: Any) -> bool:
            # What a crash has cut is never noted as done.
            living = [entry for entry in simulator.requests() if entry["time"] >= self._up_since]
            return all(entry["seconds"] is not None for entry in living)

        self.simulator.wait_for(is_quiet, within_s=20)

    def _truth(self) -> Truth:
        try:
            record = self._site.record()
        except ValueError:
            record = {}
        return Truth(self.simulator.tasks(messages=True), self.simulator.requests(), record, self._site.logs())


def _swallow(port: int, seconds: float) -> None:
    """Take the port with a full queue, so that connections are neither accepted nor refused."""
    with socket.socket() as hole, socket.socket() as first, socket.socket() as second:
        hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hole.bind(("127.0.0.1", port))
        hole.listen(0)
        for filling in (first, second):
            filling.setblocking(False)
            filling.connect_ex(("127.0.0.1", port))
        time.sleep(seconds)
