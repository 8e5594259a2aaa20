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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amtconnector.records.record import RunKey

RECORD = ".json"
LOCK = ".lock"
LOG = ".log"

LOGS = "logs"
"""The folder that holds the logs."""

_DIGEST_LENGTH = 16
_READABLE_LENGTH = 48
_BY_HAND = r"hand-([0-9]{8}-[0-9a-f]{10})-[0-9a-f]{16}"
_OF_OPCON_ENDS = r"-[0-9a-f]{16}-[0-9a-f]{16}"
_END_LENGTH = 2 * (1 + _DIGEST_LENGTH)


def is_name(text: str) -> bool:
    """Whether a file's name without its ending is that of a record."""
    return bool(re.fullmatch(_OF_OPCON_ENDS, text[-_END_LENGTH:]) or re.fullmatch(_BY_HAND, text))


def run_id_in(name: str) -> str:
    """Return the run id that the name of a record's file holds: that of a run by hand; "" for an OpCon job."""
    match = re.fullmatch(_BY_HAND, name)
    return match[1] if match else ""


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
    return re.sub("[^a-z0-9]+", "-", text.lower())[:_READABLE_LENGTH].strip("-")
