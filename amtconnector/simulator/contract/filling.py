"""Fill an answer's template with values."""

from __future__ import annotations

from collections.abc import Mapping

from amtconnector.simulator.contract.matching import PLACEHOLDER

FACTS = (
    *("UserName", "Now", "Token", "BatchRequestId", "UniqueId", "Status", "StatusNumber", "StatusName"),
    *("CompletionCode", "Messages", "MessageText", "HasMore", "Total", "NextPage", "NextAddress", "Tasks"),
    "ErrorMessage",
)
REFUSAL_FACTS = ("Reason", "HttpStatus", "Kind", "Now")
MESSAGE_FACTS = ("Sequence", "Time", "Text")
ENVELOPE_FACTS = ("Answer", "Now")


def fill(template: object, values: Mapping[str, object]) -> object:
    """Return the template with every `{Name}` replaced; one that is nothing else becomes the value itself."""
    if isinstance(template, Mapping):
        return {key: fill(part, values) for key, part in template.items()}
    if isinstance(template, list):
        return [fill(part, values) for part in template]
    if not isinstance(template, str):
        return template
    if found := PLACEHOLDER.fullmatch(template):
        return values[found[1]]
    return PLACEHOLDER.sub(lambda found: str(values[found[1]]), template)


def is_known(template: object, values: Mapping[str, object]) -> bool:
    """Return whether there is a value for everything that a template asks for."""
    return all(values.get(name) is not None for name in placeholders(template))


def placeholders(template: object) -> set[str]:
    """Return every name that a template asks for."""
    if isinstance(template, Mapping):
        return set().union(*(placeholders(part) | placeholders(key) for key, part in template.items()))
    if isinstance(template, list):
        return set().union(*(placeholders(part) for part in template))
    return {found[1] for found in PLACEHOLDER.finditer(template)} if isinstance(template, str) else set()
