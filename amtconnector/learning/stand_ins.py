"""Stand-ins for secrets: what a recorded exchange has in the place of user, password, token and whatever may be one.

The same secret has the same stand-in throughout, in the encoding in which it came, so that a trace without secrets
still shows which value comes back where. What is found in no encoding that can be written anew becomes `********`.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote

from amtconnector.learning.carried_texts import sent, texts_of
from amtconnector.named_tuple import NamedTuple
from amtconnector.text import escaped_pattern, masked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amtconnector.learning.exchange import Exchange, Pairs

USER = "STANDIN-USER"
PASSWORD = "STANDIN-PASSWORD"  # noqa: S105 - what stands in the place of one
_STAND_IN = re.compile(r"STANDIN-[A-Z]+(?:-[0-9]+)?")

_ORDINARY = frozenset(
    "bearer basic amt token jwt true false null none ok success succeeded password error utf-8".split()  # noqa: SIM905
)
"""Words of a logon's answer that are no secret, and come back everywhere."""
_PASSWORD_NAMES = re.compile(r"passw|passphrase|^pass$|pwd|^pw$|secret|kennwort|^pin$", re.IGNORECASE)
_LOGON = re.compile(r"log-?_?[oi]n|sign-?in|auth|token|session|connect", re.IGNORECASE)
_TOKEN_NAMES = re.compile(r"token|session|ticket|api-?key|access-?key|^auth|^sid$|credential", re.IGNORECASE)
_ERROR_NAMES = frozenset("error error_description message title detail type errortext reason".split())  # noqa: SIM905
_PLAIN_HEADERS = frozenset("content-type content-length date server connection host accept user-agent location".split())  # noqa: SIM905
_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")
_HEX_RUN = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){4,}(?![0-9A-Fa-f])")
_WHOLE_WORD_BELOW = 12
_SHORTEST_UNKNOWN = 3
_DEEPEST = 3


class _Secret(NamedTuple):
    text: str
    stand_in: str
    is_sure: bool
    """Whether it is known for one: a credential, and no text that only may be a token."""


class StandIns:
    """Takes the secrets out of exchanges, one after the other as they come; what it has learned it keeps."""

    def __init__(self, user: str, password: str) -> None:
        self._secrets: dict[str, _Secret] = {}
        self._counts: dict[str, int] = {}
        self._has_token = False
        self._keep(password, PASSWORD)
        self._keep(user, USER)

    def without_secrets(self, exchange: Exchange) -> Exchange:
        """Return the exchange with stand-ins for all secrets, those that it brings itself included."""
        is_logon = self._is_logon(exchange)
        is_unknown = _looks_like_logon(exchange) if not is_logon else not self._carries_password(exchange)
        if not self._has_token and is_unknown:
            is_logon = True
            self._learn_all_that_is_sent(exchange)
        self._learn_from_request(exchange)
        self._learn_from_answer_headers(exchange.answer_headers)
        only_here = self._learn_from_logon(exchange) if is_logon else []
        return exchange._replace(
            target=self.text(exchange.target),
            headers=self._headers(exchange.headers),
            body=None if exchange.body is None else self._body(exchange.body),
            answer_headers=self._headers(exchange.answer_headers),
            answer=self._body(exchange.answer, only_here),
            note=self.text(exchange.note),
        )

    def text(self, text: str, only_here: Iterable[_Secret] = (), depth: int = _DEEPEST) -> str:
        """Return a text with stand-ins for the secrets that are known by now, in whichever encoding."""
        secrets = sorted({*self._secrets.values(), *only_here}, key=lambda one: len(one.text), reverse=True)
        if depth:
            text = _BASE64_RUN.sub(lambda run: self._from_base64(run[0], depth), text)
            text = _HEX_RUN.sub(lambda run: self._from_hex(run[0], depth), text)
        for one in secrets:
            text = _pattern(one).sub(one.stand_in, text)
        if depth < _DEEPEST:
            return text
        return masked(text, [one.text for one in secrets if one.is_sure or len(one.text) >= _WHOLE_WORD_BELOW])

    def _from_base64(self, run: str, depth: int) -> str:
        core = run.rstrip("=")
        is_for_urls = bool(set(core) & {"-", "_"})
        try:
            content = b64decode(core + "=" * (-len(core) % 4), altchars=b"-_" if is_for_urls else None, validate=True)
            plain = content.decode()
        except ValueError:
            return run
        changed = self.text(plain, depth=depth - 1)
        if changed == plain:
            return run
        encoded = b64encode(changed.encode(), altchars=b"-_" if is_for_urls else None).decode()
        return encoded if run != core or len(core) % 4 == 0 else encoded.rstrip("=")

    def _from_hex(self, run: str, depth: int) -> str:
        try:
            plain = bytes.fromhex(run).decode()
        except ValueError:
            return run
        changed = self.text(plain, depth=depth - 1)
        if changed == plain:
            return run
        return changed.encode().hex() if run == run.lower() else changed.encode().hex().upper()

    def _body(self, body: bytes, only_here: Iterable[_Secret] = ()) -> bytes:
        try:
            return self.text(body.decode(), only_here).encode()
        except UnicodeDecodeError:
            return self.text(body.decode("latin-1"), only_here).encode("latin-1", "replace")

    def _headers(self, headers: Pairs) -> Pairs:
        return tuple((name, self.text(value)) for name, value in headers)

    def _keep(self, text: str, kind: str, *, is_sure: bool = True) -> _Secret | None:
        """Give a text its stand-in; None for one that needs none, or is one."""
        text = text.strip() if not is_sure else text
        if not text or text.casefold() in _ORDINARY or _STAND_IN.search(text):
            return None
        if text not in self._secrets:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            number = self._counts[kind]
            name = kind if number == 1 and kind in {USER, PASSWORD} else f"{kind}-{number}"
            self._secrets[text] = _Secret(text, name, is_sure)
        return self._secrets[text]

    def _is_logon(self, exchange: Exchange) -> bool:
        """Return whether a request carries credentials, known ones or what is named like one."""
        body = (exchange.body or b"").decode("utf-8", "replace")
        whole = "\n".join([exchange.target, unquote(exchange.target), body, *(value for _, value in exchange.headers)])
        carries = self._secrets and any(
            one.stand_in.startswith((PASSWORD, USER)) and masked(whole, [one.text]) != whole
            for one in self._secrets.values()
        )
        return bool(carries) or _names_password(exchange)

    def _carries_password(self, exchange: Exchange) -> bool:
        """Return whether a logon's password is known, or named like one; else any of its texts may be a wrong one."""
        hidden = self.text(exchange.target) + self._body(exchange.body or b"").decode("utf-8", "replace")
        return PASSWORD in hidden or _names_password(exchange)

    def _learn_all_that_is_sent(self, exchange: Exchange) -> None:
        for _, value in sent(exchange):
            is_one_word = len(value) >= _SHORTEST_UNKNOWN and not re.search(r"\s", value.strip())
            if is_one_word and not _LOGON.fullmatch(value):
                self._keep(value, "STANDIN-TEXT", is_sure=False)

    def _learn_from_request(self, exchange: Exchange) -> None:
        for name, value in exchange.headers:
            if name.lower() == "authorization":
                self._learn_authorization(value)
            elif name.lower() == "cookie":
                self._learn_cookies(value.split(";"))
            elif name.lower() not in _PLAIN_HEADERS and _TOKEN_NAMES.search(name):
                self._keep(value.rpartition(" ")[2], "STANDIN-TEXT", is_sure=False)
        for name, value in sent(exchange):
            if _PASSWORD_NAMES.search(name):
                self._keep(value, PASSWORD)
            elif _TOKEN_NAMES.search(name) and len(value) >= _WHOLE_WORD_BELOW:
                self._keep(value, "STANDIN-TEXT", is_sure=False)

    def _learn_authorization(self, value: str) -> None:
        scheme, _, rest = value.partition(" ")
        if scheme.lower() != "basic":
            known = next((one.text for one in self._secrets.values() if one.text in rest), None)
            if known is None or not re.fullmatch(r'\w*="?"?', rest.replace(known, "")):
                self._keep(rest or scheme, "STANDIN-TEXT", is_sure=False)
            return
        try:
            user, _, password = b64decode(rest).decode("utf-8", "replace").partition(":")
        except ValueError:
            self._keep(rest, "STANDIN-TEXT")
            return
        self._keep(user, USER)
        self._keep(password, PASSWORD)

    def _learn_from_answer_headers(self, headers: Pairs) -> None:
        for name, value in headers:
            if name.lower() == "set-cookie":
                self._learn_cookies([value.partition(";")[0]])
            elif name.lower() not in _PLAIN_HEADERS and _TOKEN_NAMES.search(name):
                self._keep(value.rpartition(" ")[2], "STANDIN-TEXT", is_sure=False)

    def _learn_cookies(self, cookies: list[str]) -> None:
        for cookie in cookies:
            self._keep(cookie.partition("=")[2].strip().strip('"'), "STANDIN-TEXT", is_sure=False)

    def _learn_from_logon(self, exchange: Exchange) -> list[_Secret]:
        """Learn every unknown text of a logon's answer; return those that are replaced in this answer alone."""
        only_here = []
        echoed = {text for _, text in sent(exchange) if len(text) < _WHOLE_WORD_BELOW} | {exchange.path}
        is_page = exchange.answer.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))
        for name, text in texts_of(exchange.answer):
            if text in echoed or (is_page and " " in text.strip()):
                continue  # a word of the contract, or what a page says to people
            if not exchange.is_success and name.casefold() in _ERROR_NAMES:
                continue  # the server's words, in which the credentials have their stand-ins already
            if " " in text.strip() or len(text.strip()) < _SHORTEST_UNKNOWN:
                only_here.append(_Secret(text, "STANDIN-WORDS", is_sure=False))
            elif self._keep(text, "STANDIN-TEXT", is_sure=False):
                self._has_token = self._has_token or exchange.is_success
        return [one for one in only_here if one.text.strip()]


def _names_password(exchange: Exchange) -> bool:
    is_basic = exchange.header("authorization").lower().startswith("basic ")
    return is_basic or any(_PASSWORD_NAMES.search(name) for name, _ in sent(exchange))


def _looks_like_logon(exchange: Exchange) -> bool:
    """Return whether a request may be a logon with credentials that nobody here knows, under names of its own."""
    return bool(_LOGON.search(exchange.path) or any(_LOGON.fullmatch(value) for _, value in sent(exchange)))


def _pattern(secret: _Secret) -> re.Pattern[str]:
    pattern = escaped_pattern(secret.text)
    is_known = secret.is_sure and (len(secret.text) > _SHORTEST_UNKNOWN or secret.stand_in.startswith(PASSWORD))
    if is_known or len(secret.text) >= _WHOLE_WORD_BELOW:
        return re.compile(pattern)
    before = r"(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=%[0-9A-Fa-f]{2}))"
    return re.compile(rf"{before}(?:{pattern})(?![A-Za-z0-9])")
