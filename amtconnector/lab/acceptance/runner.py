"""Performing the checks: each gets a verdict, whatever happens in it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from amtconnector.lab.acceptance.check import Check, Failed, NotTried, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from amtconnector.lab.acceptance.stage import Stage


def results_of(checks: Sequence[Check], stage: Stage) -> Iterator[Result]:
    """Perform checks and yield each result as it comes; the patient ones work meanwhile and come last."""
    patient = [_Performance(check, stage) for check in checks if check.is_patient]
    for check in checks:
        if not check.is_patient:
            yield perform(check, stage)
    for performance in patient:
        yield performance.result()


def perform(check: Check, stage: Stage) -> Result:
    """Perform one check."""
    begun = time.monotonic()
    outcome, finding, output = _verdict(lambda: check.perform(stage))
    seconds = time.monotonic() - begun
    hidden = [_without(text, stage.secrets) for text in (finding, output)]
    return Result(check.name, check.title, outcome, hidden[0], round(seconds, 1), hidden[1])


def _verdict(performance: Callable[[], str]) -> tuple[Outcome, str, str]:
    try:
        return Outcome.OK, performance(), ""
    except NotTried as reason:
        return Outcome.NOT_TRIED, str(reason), ""
    except Failed as failure:
        return Outcome.FAILED, failure.finding, failure.output
    except Exception as error:  # noqa: BLE001 - whatever a broken program leads to is a failed check, and the rest goes on
        return Outcome.FAILED, f"{type(error).__name__}: {error}", ""


def _without(text: str, secrets: Sequence[str]) -> str:
    for secret in filter(None, secrets):
        text = text.replace(secret, "********")
    return text


class _Performance:
    """A check that is performed on a thread of its own."""

    def __init__(self, check: Check, stage: Stage) -> None:
        self._results: list[Result] = []
        self._thread = threading.Thread(target=lambda: self._results.append(perform(check, stage)), daemon=True)
        self._thread.start()

    def result(self) -> Result:
        """Wait for the result."""
        while self._thread.is_alive():
            self._thread.join(0.2)  # in slices, or Windows serves no Ctrl-C meanwhile
        return self._results[0]
