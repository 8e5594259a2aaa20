"""The names of the files in a run directory: derived from a run's key, so that a start opens one file.

    <date>-<schedule>-<job>-<identity>-<target>     the run of an OpCon job
    hand-<run id>-<target>                          a run by hand

`identity` is a digest of the OpCon job, `target` one of server, application and job. So a name tells, without opening
the file, whether a question is about it, even where the record inside is damaged.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from amtconnector.records.record import RunKey

RECORD = ".json"
LOCK = ".lock"
LOG = ".log"

LOGS = "logs"
"""The folder that holds the logs."""

_DIGEST_LENGTH = 16
_READABLE_LENGTH = 48
_NOT_READABLE = re.compile(r"[^a-z0-9]+", re.ASCII)
_BY_HAND = re.compile(r"hand-(?P<run_id>[0-9]{8}-[0-9a-f]{10})-(?P<target>[0-9a-f]{16})", re.ASCII)
_OF_OPCON = re.compile(r".*-(?P<identity>[0-9a-f]{16})-(?P<target>[0-9a-f]{16})", re.ASCII)


class FileName(NamedTuple):
    """What the name of a record's file tells: `identity` is "" by hand, `run_id` is "" for an OpCon job."""

    text: str
    identity: str
    target: str
    run_id: str

    @classmethod
    def parse(cls, text: str) -> FileName | None:
        """Read a file's name without its ending; None when it is not that of a record."""
        if match := _BY_HAND.fullmatch(text):
            return cls(text, "", match["target"], match["run_id"])
        if match := _OF_OPCON.fullmatch(text):
            return cls(text, match["identity"], match["target"], "")
        return None


def file_name(key: RunKey, run_id: str) -> str:
    """Return the name of the file, without an ending, that holds the record of a key; by hand that of one run."""
    target = target_digest(key.server, key.application, key.job)
    if not key.is_opcon:
        return f"hand-{run_id}-{target}"
    texts = (key.schedule_date, key.schedule_name, key.opcon_job)
    return f"{_readable('-'.join(texts))}-{identity_digest(*texts)}-{target}"


def identity_digest(schedule_date: str, schedule_name: str, opcon_job: str) -> str:
    """Return the digest of an OpCon job on its schedule date; names that differ only in case are two."""
    return _digest(schedule_date, schedule_name, opcon_job)


def target_digest(server: str, application: str, job: str) -> str:
    """Return the digest of an AMT task; only the server's name is the same in any letter case."""
    return _digest(server.lower(), application, job)


def content_digest(name: str, content: bytes) -> str:
    """Return a digest of a damaged file: another damage, or another file, has another one."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape") + b"\0" + content).hexdigest()


def _digest(*texts: str) -> str:
    # JSON keeps the texts apart, and can write what no encoding can.
    return hashlib.sha256(json.dumps(texts).encode("ascii")).hexdigest()[:_DIGEST_LENGTH]


def _readable(text: str) -> str:
    return _NOT_READABLE.sub("-", text.lower())[:_READABLE_LENGTH].strip("-")
