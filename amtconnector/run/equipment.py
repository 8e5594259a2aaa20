"""Building what a run works with from a configuration: the server's service, the clock, the plan."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amtconnector.amtopcon.client import Service
from amtconnector.amtopcon.transport import Waiting
from amtconnector.amtopcon.wire import profile
from amtconnector.run.context import Plan, Surroundings
from amtconnector.run.monitor import Pace
from amtconnector.run.runner import Runner
from amtconnector.task import Task

if TYPE_CHECKING:
    from amtconnector.amtopcon.logon import Account
    from amtconnector.config import Config
    from amtconnector.output.job_log import JobLog
    from amtconnector.records.record import RunRecord
    from amtconnector.records.run_log import RunLog
    from amtconnector.run.context import Observers
    from amtconnector.run.next_steps import NextSteps
    from amtconnector.run.recorder import RunRecorder
    from amtconnector.system.signals import Interrupt


@dataclass(frozen=True, slots=True)
class Equipment:
    """What one installation and one process lend to a run."""

    config: Config
    account: Account
    log: JobLog
    run_log: RunLog
    interrupt: Interrupt

    def runner(self, books: RunRecorder, advice: NextSteps, onlookers: Observers) -> Runner:
        """Return the runner; raises ConfigurationError for a wire profile or a CA file that can't be used."""
        clock = RunClock(self.log, self.interrupt)
        surroundings = Surroundings(clock, random.random, self.interrupt, onlookers)
        service = self._service()
        _introduce(service, books.record)
        return Runner(_plan(self.config), service, self.log, books, advice, surroundings)

    def _service(self) -> Service:
        server = self.config.server
        context = None
        if server.uses_tls:
            from amtconnector.amtopcon import tls  # truststore is for https

            context = tls.context(server.ca_file)
        return Service(
            server,
            profile.load(self.config.wire_profile),
            self.account,
            tls=context,
            waiting=Waiting(self._while_waiting, self._while_starting),
            note=self.run_log.write,
            trace=self.run_log.write if self.config.debug else None,
        )

    def _while_waiting(self) -> None:
        self.log.flush()
        self.interrupt.check()

    def _while_starting(self) -> None:
        self.log.flush()
        self.interrupt.check_start()


class RunClock:
    """Time, and waits that print first and end when the connector is told to stop."""

    def __init__(self, log: JobLog, interrupt: Interrupt) -> None:
        self._log = log
        self._interrupt = interrupt

    def monotonic(self) -> float:
        """Return seconds since some fixed moment."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Wait; raises StopRequested."""
        self._log.flush()
        self._interrupt.wait(seconds)


def _introduce(service: Service, record: RunRecord) -> None:
    """Tell the service whose calls it makes; raises ConfigurationError for a task that this server can't be told."""
    is_new = not record.request_id
    is_known = bool(record.key.application)
    task = _task_of(record) if is_known else None
    service.speak_for(record.run_id, task, "" if is_new or not record.file_name else record.run_id)
    if is_new and task is not None:
        service.check_start(task)


def _task_of(record: RunRecord) -> Task:
    name = record.key.job
    is_script = "\\" in name or "/" in name  # -fn is a whole path
    return Task(
        application=record.key.application,
        job="" if is_script else name,
        script=name if is_script else "",
        user=record.user,
        submit_user=record.submit_user,
        station=record.station,
        queue=record.queue,
        task_values=record.task_values,
        parameters=record.parameters,
    )


def _plan(config: Config) -> Plan:
    pace = Pace(
        initial_delay_s=config.initial_poll_delay_s,
        interval_s=config.poll_interval_s,
        max_interval_s=config.max_poll_interval_s,
        max_outage_s=config.max_outage_s,
        kill_confirm_s=config.kill_confirm_timeout_s,
    )
    return Plan(
        server=config.server.address,
        pace=pace,
        start_timeout_s=config.server.start_timeout_s,
        streams_messages=config.stream_messages,
        kills_on_interrupt=config.kill_task_on_interrupt,
    )
