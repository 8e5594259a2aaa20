"""The values that are found in a request, each taken in the form that the contract has for it."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime

LISTS = ("TaskValues", "Parameters")
OPTIONAL = ("Page", "Offset", "After")
"""Values that a request for messages need not carry."""
_ID = re.compile(r"(?:AMT-)?([0-9]{1,40})", re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)


class Found:
    """Values by their documented names, and problems by place."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.errors: dict[str, list[str]] = {}
        self.is_token_missing = False

    def take_text(self, name: str, option: str, text: str, place: str, number: int) -> None:
        """Take a text for a value; `number` above 0 is the item of a list."""
        if name in LISTS:
            if number:
                known = self.values.get(name, ())
                self.values[name] = (*(known if isinstance(known, tuple) else ()), text)
            else:
                self.take(name, tuple(text.split(option)) if text else (), place)
        elif name == "BatchRequestId":
            self.take_id(text, place, is_text=True)
        elif name == "Now":
            self._check_moment(text, option, place)
        elif name == "Credentials":
            self._take_credentials(text, place)
        elif name in OPTIONAL:
            self._take_page(name, text, place)
        elif not text and name in ("Any", "UniqueId", "Token"):
            self.error(place, f"The {place} field is required.")
        elif name != "Any":
            self.take(name, text, place)

    def take(self, name: str, value: object, place: str) -> None:
        """Take a value; the second one of a name has to be the first one again."""
        if self.values.setdefault(name, value) != value:
            self.error(place, "The value is not the one given elsewhere in the request.")
            self.is_token_missing |= name == "Token"

    def take_list(self, name: str, value: object, place: str) -> None:
        """Take a list of texts."""
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            self.take(name, tuple(value), place)
        else:
            self.error(place, "The JSON value could not be converted to list.")

    def take_id(self, value: object, place: str, *, is_text: bool) -> None:
        """Take a request id: a JSON number, or the word that a server with word ids gave; a text where one is due."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON knows one kind of number
        if isinstance(value, int) and not isinstance(value, bool) and not is_text:
            self.take("BatchRequestId", value, place)
        elif isinstance(value, str) and (is_text or value.startswith("AMT-")) and (word := _ID.fullmatch(value)):
            self.take("BatchRequestId", int(word[1]), place)
        elif is_text and isinstance(value, str) and _INTEGER.fullmatch(value):
            self.take("BatchRequestId", 0, place)
        elif is_text:
            self.error(place, f"The value '{value}' is not valid.")
        else:
            self.error(place, "The JSON value could not be converted to int.")

    def _take_credentials(self, text: str, place: str) -> None:
        try:
            user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            colon = ""
        if colon:
            self.take("UserName", user, place)
            self.take("Password", password, place)
        else:
            self.error(place, "The credentials could not be decoded.")

    def _take_page(self, name: str, text: str, place: str) -> None:
        if text.isdecimal():
            self.take(name, int(text), place)
        else:
            self.error(place, f"The value '{text}' is not valid.")

    def _check_moment(self, text: str, form: str, place: str) -> None:
        try:
            # Whether it has a zone is the form's affair; it is only looked at.
            datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007
        except ValueError:
            self.error(place, f"The value '{text}' is not a valid date.")

    def error(self, place: str, text: str) -> None:
        """Note what is wrong at a place."""
        self.errors.setdefault(place, []).append(text)
