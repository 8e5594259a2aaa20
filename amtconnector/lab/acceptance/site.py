"""An installation as a site has it: a folder with Connector.config, and jobs of OpCon that are started in it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

from amtconnector.lab.acceptance import agent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from amtconnector.lab.acceptance.agent import Ended, Started, Surroundings

APPLICATION = "ACCEPTANCE"
USER = "acceptance"


class Account(NamedTuple):
    """What USER and PASSWORD of Connector.config hold, and the key file that opens them."""

    user: str
    password: str
    key_file: Path


class Job(NamedTuple):
    """A job of OpCon that runs a job of the simulated AMT. `marker` is in its start and in nothing else."""

    amt_job: str
    marker: str
    number: int = 1

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command line in the job's definition."""
        return ("-jt", "START", "-an", APPLICATION, "-jn", self.amt_job, "-tv", self.marker)

    @property
    def variables(self) -> dict[str, str]:
        """What the agent puts into the environment."""
        return {
            "SMA_MSLSAM_SCHEDULE_DATE": "20260101",
            "SMA_MSLSAM_SCHEDULE_NAME": "AMT acceptance",
            "SMA_MSLSAM_JOB_NAME": f"{self.marker} {self.number:010}",
            "SMA_MSLSAM_SAM_JOB_ID": str(self.number),
            "SMA_MSLSAM_LSAM_NAME": "ACCEPTANCE",
        }

    def restarted(self) -> Job:
        """Return the same job as OpCon starts it once more."""
        return self._replace(number=self.number + 1)


class Site:
    """One folder with a Connector.config, whose jobs are started as the agent does."""

    def __init__(self, folder: Path, command: Sequence[str], started: list[Started]) -> None:
        self.folder = folder
        self.config = folder / "Connector.config"
        self.runs = folder / "runs"
        self._command = tuple(command)
        self._started = started
        folder.mkdir()

    def configure(self, account: Account, sections: Mapping[str, Mapping[str, object]]) -> None:
        """Write Connector.config; what `sections` say about CONNECTOR goes before the defaults."""
        connector = {
            "STATUS_CHECK_INITIAL_POLL_DELAY": 0.2,
            "STATUS_CHECK_POLL_INTERVAL": 0.3,
            "STATUS_CHECK_MAX_OUTAGE": 60,
            "RUN_DIRECTORY": self.runs,
            "KEY_FILE": account.key_file,
            **sections.get("CONNECTOR", {}),
        }
        server = {**sections["AMT_BATCH_SERVER"], "USER": account.user, "PASSWORD": account.password}
        whole = {**sections, "CONNECTOR": connector, "AMT_BATCH_SERVER": server}
        lines = []
        for name, values in whole.items():
            lines += [f"[{name}]", *(f"{key}={value}" for key, value in values.items()), ""]
        self.config.write_text("\n".join(lines), encoding="utf-8")

    def start(
        self, job: Job, variables: Mapping[str, str] | None = None, surroundings: Surroundings = agent.AS_THE_AGENT
    ) -> Started:
        """Start a job; `variables` are further ones of its environment."""
        command = [*self._command, *job.arguments]
        started = agent.start(command, self.folder, {**job.variables, **(variables or {})}, surroundings)
        self._started.append(started)
        return started

    def run(
        self, job: Job, variables: Mapping[str, str] | None = None, surroundings: Surroundings = agent.AS_THE_AGENT
    ) -> Ended:
        """Run a job to its end."""
        return self.start(job, variables, surroundings).ended()

    def run_bare(self, *arguments: str, surroundings: Surroundings = agent.AS_THE_AGENT) -> Ended:
        """Run the program with other arguments than a job's, outside of OpCon."""
        started = agent.start([*self._command, *arguments], self.folder, {}, surroundings)
        self._started.append(started)
        return started.ended()


def legacy(value: str) -> str:
    """Return a value in the Java connector's encoding, which needs no key."""
    return base64.b64encode(value.encode()).hex()
