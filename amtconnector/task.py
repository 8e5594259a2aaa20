"""What to start, what came of it: the values that travel through a run."""

from __future__ import annotations

from amtconnector.named_tuple import NamedTuple

_LONGEST_ID = 64


class Task(NamedTuple):
    """A task to start in AMT, every text as it was given; "" and () for what was not."""

    application: str
    job: str
    script: str = ""
    user: str = ""
    submit_user: str = "BATCH"
    station: str = "OPCON"
    queue: str = ""
    task_values: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the task is called in the job log: its job, or the script that overrides it."""
        return self.script or self.job


class RequestId(NamedTuple):
    """AMT's batch request id: a number above 0, else 1 to 64 letters, digits and `-`."""

    text: str

    @classmethod
    def parse(cls, text: str) -> RequestId | None:
        """Read an id as an operator or a server writes it; None when it can't be one."""
        text = text.strip()
        if not text.isascii() or not text.replace("-", "0").isalnum() or len(text) > _LONGEST_ID:
            return None
        if text.removeprefix("-").isdigit():
            return cls(str(int(text))) if int(text) > 0 else None
        return cls(text)

    @property
    def json_value(self) -> int | str:
        """The id as it travels: a number as a JSON number, anything else as a string."""
        return int(self.text) if self.text.isdigit() else self.text

    def __str__(self) -> str:
        return self.text


class OpenRun(NamedTuple):
    """An earlier run of the same OpCon job whose task may be running: what names it, and what can be done about it.

    `request_id` is "" where it is not known.
    """

    run_id: str
    request_id: str
    hint: str
