"""The rules of being told to stop: one flag, and waits that it ends."""

from __future__ import annotations

import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from amtconnector.system.signals import Cause, Interrupt, StopRequested

if TYPE_CHECKING:
    from collections.abc import Iterator


class Desk:
    """An interrupt and the causes for which it ended the process."""

    def __init__(self) -> None:
        self.ended: list[Cause] = []
        self.interrupt = Interrupt(self.ended.append)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Return an interrupt that listens to nobody, and close its sockets afterwards."""
    desk = Desk()
    yield desk
    desk.interrupt._bell.close()
    desk.interrupt._ringer.close()


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a clock's only hand; a wait for the bell lets its time pass at once."""
    hand = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: hand[0])

    def passed(_read: object, _write: object, _errors: object, seconds: float) -> tuple[list[object], ...]:
        hand[0] += seconds
        return [], [], []

    monkeypatch.setattr(select, "select", passed)
    return hand


@pytest.mark.parametrize("seconds", [0.0, 0.5, 5000.0, 86_400.0])
def test_a_wait_lasts_as_long_as_it_should(seconds: float, desk: Desk, hand: list[float]) -> None:
    """However long that is."""
    desk.interrupt.wait(seconds)
    assert hand[0] == pytest.approx(1000 + seconds)


def test_a_wait_of_a_thousand_years_is_one_too(desk: Desk) -> None:
    """No system's select takes every number, so it is given none beyond an hour."""
    threading.Timer(0.01, desk.interrupt.request, (Cause.TOLD,)).start()
    with pytest.raises(StopRequested):
        desk.interrupt.wait(3e10)


@pytest.mark.parametrize("cause", list(Cause))
def test_a_stop_ends_every_wait_until_it_is_served(cause: Cause, desk: Desk, hand: list[float]) -> None:
    """Also one of no length: the next wait notices."""
    desk.interrupt.request(cause)
    for act in (desk.interrupt.check, lambda: desk.interrupt.wait(0), lambda: desk.interrupt.wait(60)):
        with pytest.raises(StopRequested) as caught:
            act()
        assert caught.value.cause is cause
    assert hand[0] == 1000


def test_while_it_is_served_waits_last_again_until_the_time_for_it_is_over(desk: Desk, hand: list[float]) -> None:
    """The kill is sent and confirmed in peace, and not for ever."""
    desk.interrupt.request(Cause.TOLD)
    desk.interrupt.serve(60)
    desk.interrupt.wait(59)
    desk.interrupt.check()
    with pytest.raises(StopRequested):
        desk.interrupt.wait(5)
    assert hand[0] == 1060


def test_a_start_on_the_wire_is_cut_after_20_seconds_only(desk: Desk, hand: list[float]) -> None:
    """It can't be repeated, so its answer is waited for."""
    hand[0] += 500
    desk.interrupt.check_start()
    desk.interrupt.request(Cause.TOLD)
    hand[0] += 19.9
    desk.interrupt.check_start()
    hand[0] += 0.1
    with pytest.raises(StopRequested):
        desk.interrupt.check_start()


def test_a_second_stop_ends_the_process(desk: Desk, hand: list[float]) -> None:
    """Whoever asks twice means it, whatever the causes were and whether the first one is served."""
    desk.interrupt.request(Cause.CLOSING)
    desk.interrupt.serve(60)
    hand[0] += 0.2
    assert desk.ended == []
    desk.interrupt.request(Cause.TOLD)
    assert desk.ended == [Cause.TOLD]


def test_a_stop_that_arrives_twice_at_once_is_one(desk: Desk, hand: list[float]) -> None:
    """A signal to the process and to its group comes twice; GNU timeout sends both."""
    desk.interrupt.request(Cause.TOLD)
    hand[0] += 0.01
    desk.interrupt.request(Cause.TOLD)
    assert desk.ended == []


def test_nobody_who_listens_is_no_reason_to_block(desk: Desk) -> None:
    """A bell that has been rung very often is full, and the one who rings goes on."""
    for _ in range(100_000):
        desk.interrupt.ring()


@pytest.mark.parametrize("end", [socket.SHUT_WR, None])
def test_a_wait_without_a_bell_waits_and_ends_with_the_stop(
    end: int | None, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows the bell is a connection that others can cut; then the flag is looked at now and then."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            desk.interrupt.request(Cause.TOLD)

    monkeypatch.setattr(time, "sleep", sleep)
    if end is None:
        desk.interrupt._ringer.close()
    else:
        desk.interrupt._ringer.shutdown(end)
    with pytest.raises(StopRequested):
        desk.interrupt.wait(30)
    assert slept == [0.1, 0.1, 0.1]


def test_a_bell_whose_connection_is_reset_is_one_that_is_cut(desk: Desk) -> None:
    """Windows says so with an error, where an orderly end is an empty answer."""
    server = socket.create_server(("127.0.0.1", 0))
    ringer = socket.create_connection(server.getsockname())
    bell, _ = server.accept()
    server.close()
    ringer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0))
    ringer.close()
    desk.interrupt._bell.close()
    desk.interrupt._bell = bell
    begun = time.process_time()
    desk.interrupt.wait(0.3)
    assert time.process_time() - begun < 0.2


def test_a_stop_from_another_thread_ends_a_wait_at_once(desk: Desk) -> None:
    """Windows tells of console events on a thread of its own; 0.2 s is what a wait may take to notice."""
    threading.Thread(target=desk.interrupt.request, args=(Cause.TOLD,)).start()
    begun = time.monotonic()
    with pytest.raises(StopRequested):
        desk.interrupt.wait(30)
    assert time.monotonic() - begun < 5


PROGRAM = """
import os, signal, sys
from amtconnector.system.signals import Interrupt, StopRequested
{before}
interrupt = Interrupt(lambda _cause: os._exit(107))
interrupt.install()
print("ready", flush=True)
try:
    interrupt.wait(30)
except StopRequested as stop:
    print(stop.cause.name, flush=True)
    interrupt.serve(30)
    interrupt.wait(30)
"""


def ended_by(*signals: int, before: str = "") -> tuple[list[str], int]:
    """Send signals to a waiting process, each after its answer to the one before; return the answers and its end."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(before=before)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        answers = []
        for number in signals:
            process.send_signal(number)
            answers.append(process.stdout.readline().strip())
            time.sleep(0.05)  # what comes sooner is taken for the same signal
        if process.poll() is None and not answers[-1]:
            process.wait(10)
        code = process.poll()
        process.kill()
    return answers, -1 if code is None else code


if sys.platform != "win32":

    @pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
    @pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_the_first_signal_ends_the_wait_and_the_second_the_process(first: int, second: int) -> None:
        """SIGINT and SIGTERM tell to stop; any second signal ends at once."""
        assert ended_by(first, second) == (["TOLD", ""], 107)

    def test_a_terminal_that_goes_away_is_no_order_to_kill() -> None:
        """SIGHUP is to POSIX what closing the console is to Windows."""
        assert ended_by(signal.SIGHUP)[0] == ["CLOSING"]

    def test_under_nohup_the_terminal_may_go_away() -> None:
        """Who ignores SIGHUP goes on ignoring it: the first signal that counts is the other one."""
        before = "signal.signal(signal.SIGHUP, signal.SIG_IGN); os.kill(os.getpid(), signal.SIGHUP)"
        after = "os.kill(os.getpid(), signal.SIGHUP)"
        program = PROGRAM.format(before=before).replace('print("ready"', f'{after}; print("ready"')
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGTERM)
            assert process.stdout.readline() == "TOLD\n"
            process.kill()
