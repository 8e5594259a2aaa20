"""What the simulator says about itself when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.simulator.statuses import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amtconnector.simulator.definitions import Definitions, Job
    from amtconnector.simulator.faults import Fault
    from amtconnector.simulator.server import Options


def welcome(definitions: Definitions, options: Options, ca: Path | None) -> str:
    """Return the lines that tell a person what is served."""
    return "\n".join(_lines(definitions, options, ca))


def _lines(definitions: Definitions, options: Options, ca: Path | None) -> Iterator[str]:
    if ca:
        yield f"CA to trust (CA_FILE)  {ca.resolve()}"
    yield f"State                  {options.state.resolve() if options.state else 'in memory, gone with this process'}"
    if options.speed != 1:
        yield f"Speed                  {options.speed:g} seconds of a job pass in one"
    yield f"Users                  {', '.join(f'{user.name} / {user.password}' for user in definitions.users.values())}"
    yield f"RunAs users            {', '.join(definitions.run_as_users) or 'none'}"
    queues = [f"{name} ({f'{limit} at once' if limit else 'no limit'})" for name, limit in definitions.queues.items()]
    yield f"Queues                 {', '.join(queues) or 'none'}"
    for application, jobs in definitions.applications.items():
        yield from _job_lines(f"Application {application}", list(jobs.values()))
    if definitions.scripts:
        yield from _job_lines("Scripts", list(definitions.scripts.values()))
    if definitions.faults:
        yield "Faults"
        yield from (f"  {_fault_line(fault)}" for fault in definitions.faults)
    if options.has_admin:
        yield "Page                   open the address above in a browser on this machine"
        yield "Truth and faults       /simulator/summary, /tasks, /requests, /faults (docs/simulator.md)"


def _job_lines(title: str, jobs: list[Job]) -> Iterator[str]:
    yield title
    ends = [_end(job) for job in jobs]
    for job, end in zip(jobs, ends, strict=True):
        name = job.name.ljust(max(len(job.name) for job in jobs))
        yield f"  {name}  {end.ljust(max(map(len, ends)))}  {job.description}".rstrip()


def _end(job: Job) -> str:
    return "never ends" if job.ends is None else f"{name_of(job.ends)} ({job.ends}) after {job.duration:g} s"


def _fault_line(fault: Fault) -> str:
    times = f"the next {fault.count}" if fault.count else "all"
    return f"{fault.call}: {fault.kind}, {times}" + (f" after {fault.after}" if fault.after else "")
