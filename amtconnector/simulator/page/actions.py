"""What the page's buttons do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.simulator.page.presets import preset
from amtconnector.simulator.statuses import TERMINAL, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amtconnector.simulator.page.view import World
    from amtconnector.simulator.task import Task


def act(world: World, form: Mapping[str, str]) -> str:
    """Do what a form asks for; return one sentence about it. Raises LookupError when there is nothing to do it to."""
    name, value = next(((name, form[name]) for name in ACTIONS if name in form), ("", ""))
    if not name:
        raise LookupError("This form names nothing to do.")
    return ACTIONS[name](world, value, form)


def _stop(world: World, value: str, _: Mapping[str, str]) -> str:
    task = _task(world, value)
    world.scheduler.stop(task)
    return f"Stop of {task.id} is accepted."


def _kill(world: World, value: str, _: Mapping[str, str]) -> str:
    task = _task(world, value)
    world.scheduler.kill(task)
    return f"Kill of {task.id} is accepted."


def _end(world: World, value: str, form: Mapping[str, str]) -> str:
    task, status = _task(world, value), form.get("status", "")
    if not status.isdecimal() or int(status) not in TERMINAL:
        raise LookupError("A task can't end with this status.")
    world.scheduler.end(task, int(status))
    return f"{task.id} is ended as {name_of(int(status))}."


def _forget(world: World, value: str, _: Mapping[str, str]) -> str:
    task = _task(world, value)
    world.scheduler.remove(task)
    return f"{task.id} is forgotten: every call about it is answered with 404."


def _expire(world: World, _value: str, _: Mapping[str, str]) -> str:
    world.store.drop_tokens()
    return "Every token has expired."


def _unlock(world: World, value: str, _: Mapping[str, str]) -> str:
    if value not in world.store.rejections():
        raise LookupError("There is no such account.")
    world.store.set_rejections(value, 0)
    return "The account is unlocked: its rejected logons are forgotten."


def _switch_on(world: World, value: str, _: Mapping[str, str]) -> str:
    found = preset(value)
    if found is None:
        raise LookupError("There is no such fault.")
    world.faults.add(found.fault)
    return f"Fault is on: {found.name}."


def _switch_off(world: World, value: str, _: Mapping[str, str]) -> str:
    if not value.isdecimal() or not world.faults.remove(int(value)):
        raise LookupError("This fault is off already.")
    return f"Fault {value} is off."


def _switch_all_off(world: World, _value: str, _: Mapping[str, str]) -> str:
    world.faults.remove()
    return "All faults are off."


def _clear(world: World, _value: str, _: Mapping[str, str]) -> str:
    world.store.clear_requests()
    return "The log of requests is empty."


ACTIONS = {
    "stop": _stop,
    "kill": _kill,
    "end": _end,
    "forget": _forget,
    "expire": _expire,
    "unlock": _unlock,
    "fault": _switch_on,
    "fault-off": _switch_off,
    "faults-off": _switch_all_off,
    "clear-requests": _clear,
}


def _task(world: World, value: str) -> Task:
    found = world.scheduler.get(int(value)) if value.isdecimal() else None
    if found is None:
        raise LookupError("There is no such task.")
    return found
