"""Read a site's wire profile: TOML, laid over the built-in one, each entry checked before anything is sent."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, get_args

from amtconnector.amtopcon.wire import profile_answers, profile_calls
from amtconnector.amtopcon.wire.checks import one_of, only, table, text
from amtconnector.amtopcon.wire.placeholders import TASK
from amtconnector.amtopcon.wire.profile import CallName, NotGiven, Profile, TokenPlaces
from amtconnector.errors import ConfigurationError
from amtconnector.system.file_kinds import content_of

if TYPE_CHECKING:
    from amtconnector.amtopcon.wire.profile import Call

BUILT_IN_FILE = FilePath(__file__).with_name("profile.toml")

_ENDLESS_NAME = re.compile(r"(?<![\w.-])(?:[\w-]+\.){100}")
_WHOLE = frozenset({"body", "form", "query", "headers"})
_ADDED = frozenset({"refused.credentials", "refused.later"})
_OPTIONAL = frozenset({"heartbeat", "stop", "messages", "logoff"})
_NAMES: tuple[CallName, ...] = get_args(CallName)


def read(path: FilePath) -> Profile:
    """Return the profile of a site's file; raises ConfigurationError, which names the entry that is wrong."""
    try:
        return profile_of(site_entries(path))
    except ValueError as error:
        raise ConfigurationError(
            f"The wire profile can't be used: {error}",
            subject=f"WIRE_PROFILE {path}",
            hint="Correct this entry; docs/wire-profile.md lists what a profile may hold.",
        ) from error


def profile_of(site: dict[str, Any]) -> Profile:
    """Return the profile that the entries of a site make; raises ValueError, which names the entry that is wrong."""
    tree, built_in = entries(site)
    only(tree, built_in, "")
    for name in ("token", "members", "messages", "refused", "not_given", "answers"):
        only(tree[name], built_in[name], f"{name}.")
    calls = _calls(tree)
    profile = Profile(
        token=_token(tree["token"]),
        calls=calls,
        members=profile_answers.members(tree["members"]),
        statuses=profile_answers.statuses(tree["statuses"]),
        refused=profile_answers.refusals(tree["refused"]),
        messages=profile_answers.message_form(tree["messages"]),
        not_given=_not_given(tree["not_given"]),
        answers_format=one_of(tree["answers"]["format"], ("json", "xml"), "answers.format"),
        headers=profile_calls.headers(tree["headers"], "headers"),
        query=profile_calls.parameters(tree["query"], "query"),
    )
    _check_together(profile)
    return profile


def entries(site: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return all entries that are in effect with those of a site, and the built-in ones."""
    built_in = tomllib.loads(BUILT_IN_FILE.read_text("utf-8"))
    return _merged(built_in, _without_inherited_bodies(site, built_in)), built_in


def _text_of(path: FilePath) -> str:
    """Return the text of a site's file; raises OSError, UnicodeDecodeError where it is not UTF-8, else ValueError."""
    # As a text file is read elsewhere, whatever ends its lines.
    content = content_of(path).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    if _ENDLESS_NAME.search(content):
        raise ValueError("a name has a hundred parts")  # tomllib takes a minute for 20,000
    return content


def site_entries(path: FilePath) -> dict[str, Any]:
    """Return the entries of a site's file as they stand there; raises ValueError."""
    try:
        return tomllib.loads(_text_of(path))
    except OSError as error:
        raise ValueError(f"it can't be read ({error.strerror or 'unknown reason'})") from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is no TOML: {error}") from error
    except (RecursionError, ValueError) as error:
        raise ValueError("it is nested too deeply, or holds a number that nobody needs") from error


def _merged(base: dict[str, Any], override: dict[str, Any], where: str = "") -> dict[str, Any]:
    result = dict(base)
    for key, value in override.items():
        replaces_whole = key in _WHOLE or where == "statuses."
        if isinstance(value, dict) and isinstance(base.get(key), dict) and not replaces_whole:
            result[key] = _merged(base[key], value, f"{where}{key}.")
        elif f"{where}{key}" in _ADDED and isinstance(value, list):
            result[key] = value + base[key]
        else:
            result[key] = value
    return result


def _without_inherited_bodies(site: dict[str, Any], built_in: dict[str, Any]) -> dict[str, Any]:
    """Return the entries with `body = false` where a call becomes a GET or gets a form, and gives no body itself."""
    calls = site.get("calls")
    if not isinstance(calls, dict):
        return site
    changed = dict(calls)
    for name, call in calls.items():
        if isinstance(call, dict) and "body" not in call and isinstance(built_in["calls"].get(name), dict):
            is_get = isinstance(method := call.get("method"), str) and method.upper() == "GET"
            if is_get or "form" in call:
                changed[name] = {**call, "body": False}
    return {**site, "calls": changed}


def _calls(tree: dict[str, Any]) -> dict[CallName, Call]:
    only(tree["calls"], _NAMES, "calls.")
    prefix = profile_calls.prefix(tree["prefix"])
    found: dict[CallName, Call] = {}
    for name in _NAMES:
        entry = tree["calls"][name]
        if entry is False:
            if name not in _OPTIONAL:
                raise ValueError(f"calls.{name}: without this call there is no run; it can't be false")
            continue
        found[name] = profile_calls.call(name, entry, prefix)
    return found


def _token(entries: dict[str, Any]) -> TokenPlaces:
    value = text(entries["value"], "token.value")
    if re.findall(r"\{([^{}]*)\}", value) != ["token"] or not re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", value):
        raise ValueError("token.value: expected a text in ASCII, no blank at its ends, with {token} in it once")
    header = entries["header"]
    for name in ("query", "body"):
        if not isinstance(entries[name], str) or "{" in entries[name]:
            raise ValueError(f'token.{name}: expected a name, or "" for none')
    cookie = entries["cookie"]
    if not isinstance(cookie, str) or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*", cookie):
        raise ValueError('token.cookie: expected the name of a cookie, or "" for none')
    return TokenPlaces(
        header="" if header == "" else profile_calls.header_name(header, "token.header"),
        value=value,
        query=entries["query"],
        body=entries["body"],
        cookie=cookie,
    )


def _not_given(entries: dict[str, Any]) -> NotGiven:
    for name in ("null", "left_out"):
        if not isinstance(entries[name], list):
            raise ValueError(f"not_given.{name}: expected a list of values such as queue")  # noqa: TRY004 - of the file
    words = table(entries["words"], "not_given.words")
    for name, names in (("null", entries["null"]), ("left_out", entries["left_out"]), ("words", words)):
        for value in names:
            one_of(value, sorted(TASK), f"not_given.{name}")
    for name, word in words.items():
        text(word, f"not_given.words.{name}")
    return NotGiven(
        send=one_of(entries["send"], ("empty", "null", "left out"), "not_given.send"),
        null=frozenset(entries["null"]),
        left_out=frozenset(entries["left_out"]),
        words=words,
    )


def _check_together(profile: Profile) -> None:
    """Check what several entries have to agree on."""
    profile_calls.check_common(profile.headers, profile.query)
    for name, call in profile.calls.items():
        places = {"status": profile.members.status, "messages": profile.members.messages}.get(name, ())
        profile_calls.check_values(call, is_request_found=any(place.uses_request_id for place in places))
        if profile.token.body and isinstance(call.body, list) and name not in {"heartbeat", "logon"}:
            raise ValueError(f"token.body: the body of calls.{name} is a list and has no members")
    used = {one for call in profile.calls.values() for one in profile_calls.names_in(call)}
    pages = profile.messages.pages
    is_counted = bool(used & {"page", "offset"})
    if (pages.more or pages.total) and not is_counted:
        raise ValueError("messages.pages: calls.messages holds neither {page} nor {offset}, so there is one page only")
    if profile.messages.form != "list" and (is_counted or pages.next):
        raise ValueError("messages.form: pages are read of a list only")
    if profile.messages.form == "text" and profile.answers_format == "xml":
        raise ValueError("messages.form: plain text is no XML")
