"""What must hold of every run, whatever has hit it. Each check yields what is wrong, in a sentence."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from amtconnector.errors import RunError
from amtconnector.statuses import AMT_STATUSES
from tests.end_to_end.chaos.jobs import GROWING_AT_ITS_END
from tests.end_to_end.installation import PASSWORD
from tests.end_to_end.workplace import printed_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.chaos.facts import Act, Truth
    from tests.end_to_end.chaos.plan import Plan

TERMINAL = {status.code for status in AMT_STATUSES if status.is_terminal}
OWN = {outcome.exit_code for outcome in RunError.__subclasses__()} - {100}
NO_TASK = {23, 101, 102, 103, 106}
OPEN = {"intended", "submitted"}
_NOT_EXECUTED = {401, 429}
_UNCERTAIN = {408, 409}


def violations(plan: Plan, acts: list[Act]) -> Iterator[str]:
    """Yield everything that is wrong with a run."""
    for act in acts:
        for problem in (*act.problems, *_of_act(plan, act)):
            yield f"process {act.number} (exit code {act.exit_code}): {problem}"
    yield from _of_run(acts)


def _of_act(plan: Plan, act: Act) -> Iterator[str]:
    yield from _exit_code(act)
    if len(act.truth.tasks) > 1:
        yield f"there are {len(act.truth.tasks)} tasks"
    if not act.is_cut:
        yield from _end_of_log(act)
        yield from _end_by_amt(act) if is_by_amt(act) else _end_of_its_own(act)
    yield from _ids(act)
    yield from _messages(plan, act)
    yield from _record(act)
    yield from _secrets(act)


def is_by_amt(act: Act) -> bool:
    """Whether the exit code is the end of a task."""
    return any(line.startswith("Completion : ") for line in act.lines) and act.exit_code in TERMINAL


def _exit_code(act: Act) -> Iterator[str]:
    allowed = TERMINAL | OWN
    if act.was_hit_by("SIGKILL"):
        allowed = allowed | {-9}
    early = {"SIGTERM": -15, "SIGINT": -2, "SIGHUP": -1}
    if "Configuration  " not in act.text:  # the process was not listening yet, and had done nothing
        allowed = allowed | {code for name, code in early.items() if act.was_hit_by(name)}
    if act.exit_code not in allowed:
        yield "this is no exit code of a run"


def _end_of_log(act: Act) -> Iterator[str]:
    if act.exit_code == 101 and len(act.lines) == 1:
        return
    if len(act.lines) < 2 or act.lines[-2] != f"Connector completed with return code {act.exit_code}":
        yield f"the log ends with {act.lines[-3:]}"
    if sum(line.startswith("Connector completed") for line in act.lines) != 1:
        yield "the log names its exit code twice"
    if act.exit_code == 4 and re.search(r"\b(error|failed)\b", _own_lines(act), re.IGNORECASE):
        yield "a good run speaks of an error"


def _own_lines(act: Act) -> str:
    return "\n".join(line for line in act.lines if line.startswith("[connector] "))


def _end_by_amt(act: Act) -> Iterator[str]:
    tasks = act.truth.tasks
    if len(tasks) != 1:
        yield f"AMT's end is reported, and there are {len(tasks)} tasks"
        return
    if not tasks[0]["has_ended"] or tasks[0]["final_status"] != act.exit_code:
        yield f"the task's end is {tasks[0]['final_status']} ({tasks[0]['has_ended']})"
    if (act.truth.record.get("state"), act.truth.record.get("exit_code")) != ("finished", act.exit_code):
        yield f"the record says {act.truth.record}"


def _end_of_its_own(act: Act) -> Iterator[str]:
    code, text = act.exit_code, act.text
    is_new = len(act.truth.tasks) > len(act.before.tasks) and not act.has_twin
    is_only = not act.has_twin
    if code in NO_TASK and act.truth.tasks and is_only and (is_new or code in {23, 106} or not _names_open_run(act)):
        yield "there is a task, and the text does not name it"
    if code in TERMINAL - {23, 24} and "did not start the task" not in text:
        yield "it is AMT's status, and the text is not about a task's end"
    if re.search(r"[Nn]othing was started|did not start the task", text) and is_new:
        yield "nothing was started, the text says, and there is a new task"
    if code in NO_TASK | {24, 104, 107, 108} and _is_open(act.before) and act.truth.tasks and not _names_open_run(act):
        yield "the text does not name the open run"
    if code == 105 and (len(act.truth.tasks) != 1 or f"request {act.truth.tasks[0]['id']}" not in text):
        yield "contact is lost, and the text does not name the one task"
    if code == 109 and not re.search(r"request \d+", text):
        yield "the text names no request"
    if code in {104, 105, 107, 108, 109} and is_new and not re.search(r"may be running|is unknown|is running", text):
        yield "there is a new task, and the text does not say that one may be running"


def _is_open(truth: Truth) -> bool:
    return truth.record.get("state") in OPEN


def _names_open_run(act: Act) -> bool:
    names = [f"request {task['id']}" for task in act.truth.tasks] + [str(act.truth.record.get("run_id"))]
    return any(name in act.text for name in names) or "Another process is running this job" in act.text


def _ids(act: Act) -> Iterator[str]:
    known = {str(task["id"]) for task in act.truth.tasks} | {"1"}  # 1: the answer of a fault
    for named in re.findall(r"\b[Rr]equest '?(\d+)|BatchrequestId '(\d+)'", act.text):
        if not known & set(named):
            yield f"request {''.join(named)} is named, and there is none"


def _messages(plan: Plan, act: Act) -> Iterator[str]:
    if not any(line.startswith("Job log ---") for line in act.lines) or len(act.truth.tasks) != 1:
        return
    printed = printed_messages(act.lines)
    truth = [_shown(text) for text in act.truth.tasks[0]["messages"]]
    is_whole = is_by_amt(act) and "The job log may be incomplete" not in act.text
    grows = plan.job in GROWING_AT_ITS_END
    if is_whole and Counter(truth) - Counter(printed):
        yield f"messages are missing: {(Counter(truth) - Counter(printed)).most_common(5)}"
    if grows and plan.job != "CLEARED_WHEN_KILLED" and printed != truth[: len(printed)]:
        yield f"messages are not AMT's: {(Counter(printed) - Counter(truth)).most_common(5)}"
    if plan.job == "FAMILY" and Counter(printed) - Counter(truth):
        yield f"messages are printed too often: {(Counter(printed) - Counter(truth)).most_common(5)}"
    if printed.count("Started") > 1:
        yield "a message is repeated"


def _shown(text: str) -> str:
    escaped = "".join(f"\\x{ord(c):02x}" if ord(c) < 32 and c != "\t" else c for c in text)
    return escaped.encode("utf-8", "backslashreplace").decode("utf-8")


def _record(act: Act) -> Iterator[str]:
    """See that a task whose end nobody has reported is in the record: else a restart would start it again."""
    state = act.truth.record.get("state")
    if act.truth.tasks and state not in OPEN | {"finished"}:
        yield f"there is a task, and the record is {act.truth.record}"
    if act.truth.tasks and state == "finished" and not act.truth.tasks[0]["has_ended"]:
        yield "the task runs, and the record says that it is finished"
    request = act.truth.record.get("request_id")
    if request and act.truth.tasks and request != str(act.truth.tasks[0]["id"]):
        yield f"the record names request {request}"


def _secrets(act: Act) -> Iterator[str]:
    headers = (entry["headers"].items() for entry in act.truth.requests)
    tokens = {value for items in headers for name, value in items if "token" in name.lower()}
    for secret in (PASSWORD, *tokens):
        if secret in act.text or secret in act.truth.logs:
            yield "a secret is shown"


def _of_run(acts: list[Act]) -> Iterator[str]:
    last = acts[-1].truth
    starts = [entry for entry in last.requests if entry["call"] == "start"]
    if sum(entry["executed"] and (entry["status"] or 200) < 300 for entry in starts) > 1 and len(last.tasks) > 1:
        yield "the start was executed more than once"
    released = any("--release" in act.arguments for act in acts)
    for earlier, _ in pairwise(starts):
        if _is_uncertain(earlier) and not released:
            yield f"a start was sent after one of unknown fate: {earlier['fault']}, {earlier['status']}"
    if last.record.get("state") in OPEN and not any(task["is_forgotten"] for task in last.tasks):
        yield f"the operators could not settle it: {last.record}"


def _is_uncertain(start: dict[str, object]) -> bool:
    """Whether a start may have been executed, for whoever sees its answer only."""
    status, headers = start["status"], str(start["fault"])
    if not isinstance(status, int):
        return True
    if status in _NOT_EXECUTED or 300 <= status < 500:
        return status in _UNCERTAIN
    return status >= 500 and "status" not in headers
