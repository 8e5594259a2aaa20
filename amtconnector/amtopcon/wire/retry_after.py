"""Read the Retry-After header (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import re

from amtconnector.amtopcon.wire.document import UNREADABLE

_LONGEST = 100  # a date in any of HTTP's forms is shorter


def retry_after_s(value: str | None) -> float | None:
    """Return how many seconds the server asks to wait; None when the header is missing or makes no sense."""
    if value is None or len(value) > _LONGEST:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value := value.strip(), re.ASCII):
        return float(value)
    from datetime import UTC, datetime  # the form with a date is rare
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    except UNREADABLE:
        return None
