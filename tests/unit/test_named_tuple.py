"""The connector's named tuples, beside those of typing."""

from __future__ import annotations

import copy
import typing
from typing import Any

import pytest

from amtconnector import named_tuple


class _Typing(typing.NamedTuple):
    """A value."""

    name: str
    size_mb: int | None = None
    words: tuple[str, ...] = ()

    @property
    def is_small(self) -> bool:
        return not self.size_mb


class _Ours(named_tuple.NamedTuple):
    """A value."""

    name: str
    size_mb: int | None = None
    words: tuple[str, ...] = ()

    @property
    def is_small(self) -> bool:
        return not self.size_mb


@pytest.mark.parametrize(
    "question",
    [
        lambda kind: tuple(kind("a", 2)),
        lambda kind: tuple(kind(words=("b",), name="a")),
        lambda kind: kind("a") == kind("a", None, ()) == ("a", None, ()),
        lambda kind: hash(kind("a", 2)) == hash(("a", 2, ())),
        lambda kind: kind("a", 2) < kind("b", 1),
        lambda kind: (kind("a", 2).name, kind("a", 2).size_mb, kind("a").is_small, kind("a", 2)[0]),
        lambda kind: kind("a", 2)._replace(name="b", words=("c",)) == kind("b", 2, ("c",)),
        lambda kind: kind._make(["a", 2, ()]) == kind("a", 2),
        lambda kind: kind("a", 2)._asdict(),
        lambda kind: (kind._fields, kind._field_defaults, kind.__match_args__, kind.__doc__),
        lambda kind: repr(kind("a", 2)).partition("(")[2],
        lambda kind: tuple(copy.copy(kind("a", 2))) + tuple(copy.deepcopy(kind("a", 2))),
        lambda kind: type(kind("a")._replace(name="b")) is type(copy.copy(kind("a"))) is kind,
    ],
)
def test_a_named_tuple_answers_as_one_of_typing_does(question: typing.Callable[[Any], Any]) -> None:
    """Members by name and place, defaults, equality, order, copies, texts: one can stand for the other."""
    assert question(_Ours) == question(_Typing)


@pytest.mark.parametrize("kind", [_Typing, _Ours])
@pytest.mark.parametrize(
    "make",
    [
        lambda kind: kind(),
        lambda kind: kind("a", 2, (), 4),
        lambda kind: kind("a", name="b"),
        lambda kind: kind("a", colour="red"),
        lambda kind: kind(size_mb=2),
    ],
)
def test_wrong_members_are_refused(kind: Any, make: typing.Callable[[Any], Any]) -> None:
    """Too few, too many, twice, unknown: a TypeError, not a value that lacks something."""
    with pytest.raises(TypeError):
        make(kind)


@pytest.mark.parametrize("kind", [_Typing, _Ours])
@pytest.mark.parametrize("name", ["name", "colour"])
def test_a_value_never_changes(kind: Any, name: str) -> None:
    """No member can be set, and none added."""
    with pytest.raises(AttributeError):
        setattr(kind("a"), name, "b")
