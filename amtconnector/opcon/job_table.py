"""Many jobs at once: a table whose columns are the flags of a run, and some of the options of a job definition.

    --job;-an;-jn;-pa;-pa
    POST;DEMO2;POSTINTEREST;'PARAM';'2'
    FEES;DEMO2;CHARGEFEES;;

Commas or semicolons separate, as a spreadsheet writes them; the file is UTF-8. An empty cell is a flag that is not
given.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from amtconnector.errors import UsageError
from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OPTIONS = {"--job": "name", "--batch-user": "batch_user", "--frequency": "frequency"}
"""The columns that are no flags of a run, and what each is of a definition."""

_KEEPING_THEIR_PLACE = {"-pa", "--parameters", "-tv", "--task-value"}
_ACTION = {"-jt", "--job-type"}


class Row(NamedTuple):
    """One job: where it stands ("" on the command line), the flags of its run, and what it says of its definition."""

    place: str
    flags: tuple[str, ...]
    options: dict[str, str]


def rows(path: Path, common: Sequence[str]) -> list[Row]:
    """Read a table; `common` are flags of every run, `-jt START` where there is none. Raises UsageError and OSError."""
    try:
        lines = path.read_text("utf-8-sig").splitlines(keepends=True)
    except UnicodeError as error:
        raise UsageError(f"{path} is not UTF-8: have the spreadsheet save it as CSV UTF-8.") from error
    separator = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        head = [cell.strip() for cell in next(reader, [])]
        _check(head, path)
        found = [_row(f"{path}, line {reader.line_num}", head, cells, common) for cells in reader if any(cells)]
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: {error}.") from error
    if not found:
        raise UsageError(f"{path} holds no job: a row of flags such as -an and -jn, then a row for each job.")
    return found


def _check(head: Sequence[str], path: Path) -> None:
    wrong = [cell for cell in head if not cell.startswith("-")]
    if wrong or not head:
        shown = f"'{wrong[0]}'" if wrong else "nothing"
        columns = f"{', '.join(OPTIONS)} or a flag of a run, such as -an, -jn, -pa"
        raise UsageError(f"{path}, line 1: {shown} is no column; each is {columns}.")


def _row(place: str, head: Sequence[str], cells: Sequence[str], common: Sequence[str]) -> Row:
    if len(cells) > len(head):
        raise UsageError(f"{place}: {len(cells)} cells, and the first row names {len(head)} columns.")
    flags, options = list(common), {}
    for column, cell in zip(head, [*cells, *[""] * (len(head) - len(cells))], strict=True):
        if column in OPTIONS:
            options.update({OPTIONS[column]: cell.strip()} if cell.strip() else {})
        elif cell or column in _KEEPING_THEIR_PLACE:
            flags += [column, cell]
    if not _ACTION.intersection(flags[::2]):
        flags = ["-jt", "START", *flags]
    return Row(place, _without_trailing(flags), options)


def _without_trailing(flags: list[str]) -> tuple[str, ...]:
    """Leave out empty values at the end of a list of parameters or values: there they say nothing."""
    for names in (("-pa", "--parameters"), ("-tv", "--task-value")):
        places = [place for place in range(0, len(flags), 2) if flags[place] in names]
        while places and not flags[places[-1] + 1]:
            del flags[places[-1] : places[-1] + 2]
            places.pop()
    return tuple(flags)
