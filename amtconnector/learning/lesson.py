"""What a trace teaches: the entries of a profile, with the evidence of each, and what stays open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from amtconnector.amtopcon.wire.placeholders import placeholders, texts
from amtconnector.amtopcon.wire.profile_answers import statuses
from amtconnector.learning import answers_learned, roles
from amtconnector.learning.answers_learned import Pages
from amtconnector.learning.documents import slots
from amtconnector.learning.evidence import (
    CALLS,
    note_foreign_words,
    note_unused,
    said_of_calls,
    said_of_members,
    wanted_records,
)
from amtconnector.learning.exchange import is_among
from amtconnector.learning.known import Run, Seen
from amtconnector.learning.moments import run_id_in
from amtconnector.learning.refusals_learned import refusals
from amtconnector.learning.templates import Template
from amtconnector.learning.texts import LEAST_SCORE, messages_score
from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amtconnector.learning.episodes import Episode
    from amtconnector.learning.exchange import Exchange
    from amtconnector.learning.logons import Credentials
    from amtconnector.learning.roles import Roles
    from amtconnector.task import Task

NEEDED = ("logon", "start", "status", "messages")


class Lesson(NamedTuple):
    """What was learned. `tree` are the profile's entries; the texts are for people."""

    tree: dict[str, Any]
    roles: Roles
    calls: dict[str, str]
    evidence: dict[str, str]
    unsaid: list[str]
    wanted: list[str]
    runs: dict[int, Run]

    @property
    def missing(self) -> list[str]:
        """The calls without which there is no run."""
        return [name for name in NEEDED if name not in self.roles.calls]


def learned(
    exchanges: Sequence[Exchange], task: Task, credentials: Credentials, known: dict[str, Any] | None = None
) -> Lesson:
    """Return what these exchanges teach of one job that was started with this task.

    `known` are the entries of `statuses` that the site has already.
    """
    table = statuses(known or {})
    found = roles.find(exchanges, task, credentials, table)
    runs = _runs(exchanges, found, task, credentials)
    seen = Seen(_style(found, runs))
    calls = {name: _call(name, found, runs, seen) for name in CALLS if name in found.calls}
    tree: dict[str, Any] = {}
    evidence: dict[str, str] = {}
    if common := _common_headers(calls):
        tree["headers"] = common
        evidence["headers"] = "the same in every request"
    if any(name in calls for name in CALLS if name not in {"logon", "heartbeat"}):
        tree["token"], evidence["token"] = _token(found, seen)
    if rules := _not_given(seen):
        tree["not_given"] = rules
        evidence["not_given"] = "what the recorded start had for values that its job did not give"
    tree["calls"] = calls
    _learn_answers(tree, evidence, found)
    if known:
        tree["statuses"], evidence["statuses"] = known, "of the profile that is in effect"
    note_foreign_words(found, seen, table)
    for group in found.left:
        episode = found.episode_of(group[0])
        is_about = episode is not None and any(slot.text == episode.request_id for slot in slots(group[0]))
        if "messages" in calls and is_about and messages_score(group) >= LEAST_SCORE:
            seen.say(f"{group[0].method} {group[0].path} holds texts of the task as well, and is not used")
    if any("STANDIN-" in text for text in texts(tree)):
        seen.say(
            "a value that is a secret of its own (STANDIN-... below): the record does not hold it; put it in by hand"
        )
    if "start" in calls:
        note_unused(calls["start"], task, seen)
    return Lesson(tree, found, said_of_calls(found), evidence, seen.unsaid, wanted_records(found, seen), runs)


def _runs(exchanges: Sequence[Exchange], found: Roles, task: Task, credentials: Credentials) -> dict[int, Run]:
    """Return what was known when each request was made, by the exchange's identity."""
    known: dict[int, Run] = {}
    cookies: dict[str, str] = {}
    run_ids = {one.request_id: _run_id(one, task) for one in found.episodes}
    for one in exchanges:
        episode = found.episode_of(one) or next((other for other in found.episodes if other.start is one), None)
        is_start = episode is not None and episode.start is one
        is_logon = is_among(one, (*(other.exchange for other in found.logons), *found.refused_logons))
        known[id(one)] = Run(
            task,
            credentials,
            "" if is_logon or not found.logons or one.begun < found.logons[0].exchange.begun else found.token_at(one),
            episode.request_id if episode and not is_start else "",
            run_ids.get(episode.request_id, "") if episode else "",
            dict(cookies),
        )
        cookies |= one.set_cookies
    return known


def _run_id(episode: Episode, task: Task) -> str:
    texts = (value for value in task if isinstance(value, str))
    return run_id_in(episode.start, episode.after, {*texts, *task.task_values, *task.parameters, episode.request_id})


def _style(found: Roles, runs: dict[int, Run]) -> str:
    """Return how lists travel, as a list of several shows it; those of one are then written in the same way."""
    seen = Seen()
    for one in found.calls.get("start", []):
        Template("start", one, runs[id(one)], seen).call()
    return seen.style


def _call(name: str, found: Roles, runs: dict[int, Run], seen: Seen) -> dict[str, Any]:
    group = [one for one in found.calls[name] if one.is_success] or found.calls[name]
    entries = [Template(name, one, runs[id(one)], seen).call() for one in group]
    entry = entries[0]
    if name == "messages" and (pages := Pages(found)).name:
        entry = next((made for made, one in zip(entries, group, strict=True) if pages.names(one)), entry)
        entry = cast("dict[str, Any]", _with_page(entry, pages.name, pages.placeholder))
        if pages.assumed:
            seen.assume(pages.assumed)
    return entry


def _with_page(value: Any, name: str, placeholder: str, before: str = "") -> Any:
    if not isinstance(value, dict):
        return value
    changed = {}
    for key, entry in value.items():
        is_part = not before and key in {"query", "form", "body"}
        place = "" if is_part else f"{before}.{key}" if before not in {"", "-"} else key
        if not (before or is_part):
            changed[key] = entry
        else:
            inner = "-" if is_part else place
            changed[key] = placeholder if place == name else _with_page(entry, name, placeholder, inner)
    return changed


def _common_headers(calls: dict[str, Any]) -> dict[str, str]:
    """Take the headers that all calls have out of them."""
    tables = [call.get("headers", {}) for call in calls.values()]
    after = [call.get("headers", {}) for name, call in calls.items() if name not in {"logon", "heartbeat"}]
    common = {
        name: value
        for name, value in (after or tables or [{}])[0].items()
        if all(table.get(name) == value for table in after)
        and ("{cookie:" in value or all(table.get(name) == value for table in tables))
        and all(one.name in {"cookie", "now"} for one in placeholders(value))
    }
    for call in calls.values():
        kept = {name: value for name, value in call.pop("headers", {}).items() if common.get(name) != value}
        if kept:
            call["headers"] = kept
    return common


def _token(found: Roles, seen: Seen) -> tuple[dict[str, str], str]:
    entry = {"header": ""}
    if seen.token_headers:
        name, value = next(iter(seen.token_headers.items()))
        entry = {"header": name, **({"value": value} if value != "{token}" else {})}
        for other in list(seen.token_headers)[1:]:
            seen.say(f"the token in the second header {other}: write it as a header of each call with {{token}}")
    entry |= {name: place for name, place in seen.token.items() if name in {"query", "body"}}
    if "cookie" in seen.token and "own cookie" not in seen.token:
        entry["cookie"] = seen.token["cookie"]
    times = sum(len(group) for name, group in found.calls.items() if name not in {"logon", "heartbeat"})
    own = f"; the cookie {seen.token['own cookie']} is set by the server itself" if "own cookie" in seen.token else ""
    return entry, f"the text of the logon's answer that came back in {times} requests{own}"


def _not_given(seen: Seen) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    for name, counted in seen.not_given.items():
        sent, _ = counted.most_common(1)[0]
        if sent == "null":
            rules.setdefault("null", []).append(name)
        elif sent != "empty":
            rules.setdefault("words", {})[name] = sent
    return rules


def _learn_answers(tree: dict[str, Any], evidence: dict[str, str], found: Roles) -> None:
    if answers_learned.is_xml(found):
        tree["answers"] = {"format": "xml"}
        evidence["answers"] = "every answer is XML"
    entries, places, said = answers_learned.message_entries(found)
    if members := answers_learned.members(found) | places:
        tree["members"] = members
        evidence["members"] = said_of_members(found, said)
    if "messages" in found.calls and (pages := Pages(found).entries):
        entries["pages"] = pages
    if entries:
        tree["messages"] = entries
        evidence["messages"] = said
    refused, why = refusals(found)
    if refused:
        tree["refused"] = refused
        evidence["refused"] = "taken by its name: " + "; ".join(why)
