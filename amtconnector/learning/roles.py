"""Find out which recorded exchange is which call, by what is known of a run."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, NamedTuple

from amtconnector.amtopcon.wire.document import Object
from amtconnector.learning.documents import answer_in, leaves, slots
from amtconnector.learning.stand_ins import PASSWORD, USER
from amtconnector.statuses import KILLED, Status, StatusTable
from amtconnector.task import RequestId

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from amtconnector.amtopcon.wire.document import Json
    from amtconnector.learning.exchange import Exchange
    from amtconnector.task import Task

_TOKEN = re.compile(r"token|ticket|session|key|sid", re.IGNORECASE)
_STATUS = re.compile(r"stat(?:us|e)|phase|monitor", re.IGNORECASE)
_CODE = re.compile(r"completion|return|result|exit", re.IGNORECASE)
_MESSAGES = re.compile(r"message|log|output|protocol|lines", re.IGNORECASE)
_KILL = re.compile(r"kill|cancel|abort|terminate|force|delete", re.IGNORECASE)
_STOP = re.compile(r"stop|quit|finish|end(?![a-z])", re.IGNORECASE)
_LOGOFF = re.compile(r"log-?(?:off|out)|sign-?(?:off|out)|endsession", re.IGNORECASE)
_HEARTBEAT = re.compile(r"heart|alive|ping|health", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z][A-Za-z_. -]*")
_TABLE = StatusTable()


class Credentials(NamedTuple):
    """What a logon can carry: user and password of Connector.config, and their stand-ins."""

    users: tuple[str, ...] = (USER,)
    passwords: tuple[str, ...] = (PASSWORD,)

    def __repr__(self) -> str:
        return "Credentials(...)"


class Logon(NamedTuple):
    """A logon with the token that it gave, and where that stood: "" for a bare value."""

    exchange: Exchange
    token: str
    place: str


class Episode(NamedTuple):
    """One started task: its start, its request id, where that stood, and the token of the time."""

    start: Exchange
    request_id: str
    place: str
    after: tuple[Exchange, ...]


class Roles(NamedTuple):
    """Which exchanges are which call; `status_place` is where the status stands, None where none was found."""

    logons: list[Logon]
    refused_logons: list[Exchange]
    episodes: list[Episode]
    refused_starts: list[Exchange]
    calls: dict[str, list[Exchange]]
    status_place: str | None
    proven: dict[str, str]
    left: list[list[Exchange]]

    def episode_of(self, exchange: Exchange) -> Episode | None:
        """Return the task that an exchange is about."""
        return next((one for one in reversed(self.episodes) if any(exchange is other for other in one.after)), None)

    def token_at(self, exchange: Exchange) -> str:
        """Return the token that was good when an exchange was made."""
        before = [one for one in self.logons if one.exchange.begun <= exchange.begun]
        return (before or self.logons)[-1].token if self.logons else ""


def find(exchanges: Sequence[Exchange], task: Task, credentials: Credentials) -> Roles:
    """Return the roles of the exchanges, which are in the order of their time."""
    tried = [one for one in exchanges if one.status and _carries_password(one, credentials)]
    if tried:
        exchanges = [one for one in exchanges if one.origin == tried[0].origin and one.status]
    logons = [found for one in tried if (found := _logon(one, exchanges))]
    given = {id(one.exchange) for one in logons}
    others = [one for one in exchanges if not any(one is other for other in tried)]
    episodes, starts = _episodes(others, task, logons)
    refused = [
        one for one in others if starts and _is_same_call(one, starts[0], task) and not any(one is s for s in starts)
    ]
    rest = [one for one in others if not any(one is other for other in (*starts, *refused))]
    roles = Roles(logons, [one for one in tried if id(one) not in given], episodes, refused, {}, None, {}, [])
    if logons:
        roles.calls["logon"] = [one.exchange for one in logons]
        roles.proven["logon"] = "carries user and password, and its answer has what comes back later"
    if starts:
        roles.calls["start"] = starts
        roles.proven["start"] = "carries the job, and its answer has the id that comes back later"
    return _with_later_calls(roles, rest, task)


def _with_later_calls(roles: Roles, rest: list[Exchange], task: Task) -> Roles:
    groups = _groups(roles, rest, task)
    place = None
    about = [group for group in groups if any(roles.episode_of(one) for one in group)]
    if status := _best_status(roles, about):
        group, place = status
        roles.calls["status"] = group
        roles.proven["status"] = "walks through AMT's statuses and ends with the polling"
        about.remove(group)
    if messages := max(about, key=lambda group: _messages_score(roles, group), default=None):
        if _messages_score(roles, messages) >= 3:
            roles.calls["messages"] = messages
            roles.proven["messages"] = "its answer holds texts"
            about.remove(messages)
    for group in about:
        _take_ending(roles._replace(status_place=place), group)
    used = [one for group in roles.calls.values() for one in group]
    left = [group for group in groups if not any(group[0] is one for one in used)]
    for group in list(left):
        words = _words(group[0])
        name = "logoff" if _LOGOFF.search(words) or (group[0].method == "DELETE" and "session" in words.lower()) else ""
        token = roles.token_at(group[0])
        if not name and (
            _HEARTBEAT.search(words) or (roles.logons and group[0].begun < roles.logons[0].exchange.begun)
        ):
            name = "heartbeat" if group[0].is_success and not _carries(group[0], token) else ""
        if name and name not in roles.calls:
            roles.calls[name] = group
            left.remove(group)
    return roles._replace(status_place=place, left=left)


def _carries_password(exchange: Exchange, credentials: Credentials) -> bool:
    texts = [slot.text for slot in slots(exchange)] + [value for _, value in exchange.headers]
    for password in filter(None, credentials.passwords):
        raw = password.encode("utf-8", "surrogatepass")
        forms = {password, b64encode(raw).decode(), raw.hex(), b64encode(raw).hex()}
        basic = {
            b64encode(f"{user}:{password}".encode("utf-8", "surrogatepass")).decode() for user in credentials.users
        }
        if any(text in forms or text.lower() in forms for text in texts) or any(
            form in text for form in basic for text in texts
        ):
            return True
    texts += [basic for _, value in exchange.headers for basic in _basic_texts(value)]
    numbered = tuple(f"{one}-" for one in credentials.passwords if one == PASSWORD)
    return any(text.startswith(numbered) for text in texts) if numbered else False


def _basic_texts(value: str) -> list[str]:
    """Return user and password of an Authorization header of HTTP Basic."""
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "basic":
        return []
    try:
        return b64decode(rest).decode("utf-8", "replace").split(":", 1)
    except ValueError:
        return []


def _logon(exchange: Exchange, exchanges: Sequence[Exchange]) -> Logon | None:
    """Return a logon with its token: the text of its answer that comes back later."""
    later = [one for one in exchanges if one.begun >= exchange.begun and one is not exchange]
    candidates = [(place, value) for place, value in leaves(answer_in(exchange)) if isinstance(value, str)]
    for name, value in exchange.answer_headers:
        if name.lower() == "set-cookie":
            cookie, _, rest = value.partition("=")
            candidates.append((f"cookie:{cookie.strip()}", rest.partition(";")[0].strip('" ')))
        elif _TOKEN.search(name):
            candidates.append((f"header:{name}", value))
    found = [
        (place, value) for place, value in candidates if len(value) >= 3 and any(_carries(one, value) for one in later)
    ]
    if not found or not exchange.is_success:
        return None
    place, token = max(
        found,
        key=lambda one: (bool(_TOKEN.search(one[0])) or not one[0], not one[0].startswith(("cookie:", "header:"))),
    )
    return Logon(exchange, token, place)


def _carries(exchange: Exchange, text: str) -> bool:
    if not text:
        return False
    return any(text in value for _, value in exchange.headers) or any(slot.text == text for slot in slots(exchange))


def _episodes(others: list[Exchange], task: Task, logons: list[Logon]) -> tuple[list[Episode], list[Exchange]]:
    names = [name for name in (task.script, task.job) if name]
    tokens = {one.token for one in logons}
    found: list[tuple[Exchange, str, str]] = []
    for at, one in enumerate(others):
        texts = [slot.text for slot in slots(one)]
        if not any(name in text for name in names for text in texts) or not one.is_success:
            continue
        if found and not _is_same_call(one, found[0][0], task):
            continue
        if picked := _request_id(one, others[at + 1 :], texts, tokens):
            found.append((one, *picked))
    episodes = []
    for number, (start, request_id, place) in enumerate(found):
        ends = [other for other, _, _ in found[number + 1 :]]
        after = [one for one in others if one.begun >= start.begun and not any(one is other for other, _, _ in found)]
        mine = [one for one in after if _is_about(one, request_id) or not ends or one.begun < ends[0].begun]
        episodes.append(Episode(start, request_id, place, tuple(mine)))
    return episodes, [start for start, _, _ in found]


def _is_about(exchange: Exchange, request_id: str) -> bool:
    return any(slot.text == request_id for slot in slots(exchange))


def _request_id(start: Exchange, later: list[Exchange], sent: list[str], tokens: set[str]) -> tuple[str, str] | None:
    """Return the id in the answer to a start that comes back most, and where it stands."""
    candidates = [(place, value) for place, value in leaves(answer_in(start)) if not isinstance(value, bool)]
    location = start.answer_header("location").partition("?")[0].rstrip("/").rpartition("/")[2]
    candidates.append(("header:Location", location))
    counted = []
    for place, value in candidates:
        text = str(value) if isinstance(value, int | str) else ""
        parsed = RequestId.parse(text)
        if parsed is None or text in sent or text in tokens:
            continue
        count = sum(_is_about(one, parsed.text) for one in later)
        counted.append((count, not place.startswith("header:"), parsed.text, place))
    if not counted:
        return None
    count, _, request_id, place = max(counted, key=lambda one: one[:2])
    return (request_id, place) if count else None


def _is_same_call(one: Exchange, other: Exchange, task: Task) -> bool:
    return one.method == other.method and _key(one, "", task, "") == _key(other, "", task, "")


def _groups(roles: Roles, rest: list[Exchange], task: Task) -> list[list[Exchange]]:
    grouped: dict[object, list[Exchange]] = {}
    for one in rest:
        episode = roles.episode_of(one)
        key = _key(one, episode.request_id if episode else "", task, roles.token_at(one))
        grouped.setdefault(key, []).append(one)
    return list(grouped.values())


def _key(one: Exchange, request_id: str, task: Task, token: str) -> object:
    """Return what the requests of one call share: verb, route, names, and words that are no values of the run."""
    known = {request_id, token, *task.task_values, *task.parameters}
    known |= {value for value in task if isinstance(value, str) and value}
    path = "/".join(
        "{}" if request_id and slot.text == request_id else slot.text for slot in slots(one) if slot.place == "path"
    )
    names = frozenset((slot.place, re.sub(r"\d+", "", slot.name)) for slot in slots(one) if slot.place != "path")
    words = frozenset(
        (slot.name, slot.text)
        for slot in slots(one)
        if slot.place != "path" and slot.text not in known and _WORD.fullmatch(slot.text)
    )
    return one.method, path if request_id else _without_values(path, known), names if request_id else 0, words


def _without_values(path: str, known: set[str]) -> str:
    return "/".join("{}" if part in known else part for part in path.split("/"))


def status_of(value: Json) -> Status | None:
    """Return the status that AMT's table has for a value."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    if re.fullmatch(r"[0-9]{1,2}", text):
        status = _TABLE.by_code(int(text))
        return status if status.is_known else None
    return _TABLE.by_name(text) if text else None


def _best_status(roles: Roles, groups: list[list[Exchange]]) -> tuple[list[Exchange], str] | None:
    best: tuple[int, list[Exchange], str] | None = None
    for group in groups:
        for place, walks in _walks(roles, group).items():
            score = _status_score(place, walks, _words(group[0]))
            if score >= 5 and (best is None or score > best[0]):
                best = score, group, place
    return (best[1], best[2]) if best else _status_in_foreign_words(roles, groups)


def _status_in_foreign_words(roles: Roles, groups: list[list[Exchange]]) -> tuple[list[Exchange], str] | None:
    """Return the call whose answers have a word that changes under a name of a status; no table knows the words."""
    for group in groups:
        for place, walks in _walks(roles, group).items():
            is_named = bool(_STATUS.search(place) or (not place and _STATUS.search(_words(group[0]))))
            words = [value for walk in walks for value in walk]
            if is_named and len(words) > 1 and all(isinstance(word, str) and 0 < len(word) <= 60 for word in words):
                if len(set(map(str, words))) in range(2, 12) and all(walk[-1] not in walk[:-1] for walk in walks):
                    return group, place
    return None


def _walks(roles: Roles, group: list[Exchange]) -> dict[str, list[list[Json]]]:
    """Return for each place of a call's answers its values, task by task."""
    walks: dict[str, dict[str, list[Json]]] = {}
    for one in group:
        episode = roles.episode_of(one)
        if episode and one.is_success:
            for place, value in leaves(answer_in(one), episode.request_id):
                if str(value) != episode.request_id:
                    walks.setdefault(place, {}).setdefault(episode.request_id, []).append(value)
    return {place: list(tasks.values()) for place, tasks in walks.items()}


def _status_score(place: str, walks: list[list[Json]], words: str) -> int:
    statuses = [[status_of(value) for value in walk] for walk in walks]
    if not statuses or any(one is None for walk in statuses for one in walk):
        return 0
    read = [[one for one in walk if one is not None] for walk in statuses]
    name = place.rpartition(".")[2]
    is_named = any(isinstance(value, str) and not value.isdigit() for walk in walks for value in walk)
    ends_well = all(walk[-1].is_terminal and not any(one.is_terminal for one in walk[:-1]) for walk in read)
    has_walked = any(len(set(walk)) > 1 for walk in read)
    score = 3 * bool(_STATUS.search(name)) + 2 * bool(_STATUS.search(words)) + 3 * is_named
    return score + 2 * ends_well + 4 * (ends_well and has_walked) - bool(_CODE.search(name))


def _words(one: Exchange) -> str:
    """Return the words of a request that can name its purpose."""
    texts = [slot.text for slot in slots(one) if slot.place == "path" or _WORD.fullmatch(slot.text)]
    return " ".join([one.method, *texts])


def _messages_score(roles: Roles, group: list[Exchange]) -> int:
    documents = [answer_in(one) for one in group if one.is_success and one.answer]
    if not documents:
        return 0
    has_texts = any(list(text_lists(document)) for document in documents)
    is_plain = all("text/plain" in one.answer_header("content-type") for one in group if one.is_success)
    has_lines = any(
        isinstance(value, str) and len(value) > 3 for document in documents for _, value in leaves(document)
    )
    is_named = bool(_MESSAGES.search(_words(group[0])))
    return 3 * is_named + 3 * has_texts + 2 * is_plain + has_lines


def text_lists(document: Json, place: str = "", request_id: str = "") -> Iterable[tuple[str, list[Json]]]:
    """Yield the lists of texts, or of objects, in an answer, with their places."""
    if isinstance(document, Object):
        for name, value in document:
            yield from text_lists(value, f"{place}.{name}" if place else name)
    elif isinstance(document, list) and all(isinstance(entry, str | Object) for entry in document):
        yield place, document


def _take_ending(roles: Roles, group: list[Exchange]) -> None:
    """Take a call for kill or stop where the status afterwards proves it, or its name says so."""
    words = _words(group[0])
    episode = roles.episode_of(group[0])
    if episode is None or not _is_about(group[0], episode.request_id):
        return
    name = "kill" if _KILL.search(words) else "stop" if _STOP.search(words) else ""
    ends = [_end_after(roles, one) for one in group if one.is_success]
    if not name and any(end is not None and end.code == KILLED for end in ends):
        name = "kill"
    if not name or name in roles.calls:
        return
    roles.calls[name] = group
    if any(end is not None and (end.code == KILLED or (name == "stop" and end.is_terminal)) for end in ends):
        roles.proven[name] = "the task ended after it"


def _end_after(roles: Roles, one: Exchange) -> Status | None:
    episode = roles.episode_of(one)
    for other in reversed(roles.calls.get("status", [])):
        if episode and other.begun >= one.begun and roles.episode_of(other) is episode:
            for place, value in leaves(answer_in(other), episode.request_id):
                if place == roles.status_place and (status := status_of(value)) and status.is_terminal:
                    return status
    return None
