"""The rules of file names: one key, one name; another key, another name; safe on every system."""

from __future__ import annotations

import re

from hypothesis import assume, example, given
from hypothesis import strategies as st

from amtconnector.records.file_names import file_name, identity_digest, is_name, run_id_in, target_digest
from amtconnector.records.record import RunKey

RUN_ID = "20261123-a1b2c3d4e5"
KEY = RunKey("20261123", "End of day", "PAYROLL", "amt:4004", "DEMO2", "RUN_PAY")

texts = st.text(st.characters())
keys = st.builds(RunKey, texts, texts, texts, texts.map(str.lower), texts, texts)


@given(keys, keys)
@example(KEY, KEY._replace(opcon_job="Payroll"))
@example(KEY, KEY._replace(job="run_pay"))
@example(KEY._replace(job="A", application="BC"), KEY._replace(job="AB", application="C"))
@example(KEY._replace(opcon_job="x" * 300 + "1"), KEY._replace(opcon_job="x" * 300 + "2"))
@example(KEY, KEY._replace(schedule_name='["End of day'))
def test_different_keys_have_different_names_on_every_file_system(one: RunKey, other: RunKey) -> None:
    """Neither letter case, nor length, nor where one text ends and the next begins makes two keys one."""
    assume(one != other)
    assume(one.is_opcon or other.is_opcon)
    assert file_name(one, RUN_ID).lower() != file_name(other, RUN_ID).lower()


@given(keys)
@example(RunKey("20261123", "../..", "C:\\con", "amt:4004", "a/b", "\\\\server\\share"))
@example(RunKey(opcon_job="hand-20261123-a1b2c3d4e5"))
def test_a_name_is_safe_short_and_tells_what_it_is_about(key: RunKey) -> None:
    """A name holds no character that any system treats specially, and can be taken apart again."""
    name = file_name(key, RUN_ID)
    assert re.fullmatch(r"[a-z0-9-]{1,100}", name)
    assert is_name(name)
    assert name.endswith(f"-{target_digest(key.server, key.application, key.job)}")
    identity = identity_digest(key.schedule_date, key.schedule_name, key.opcon_job)
    assert (f"-{identity}-" in name) == key.is_opcon
    assert run_id_in(name) == ("" if key.is_opcon else RUN_ID)


def test_the_name_of_an_opcon_job_is_the_same_in_every_run() -> None:
    """A restart must find the record, so the run id is no part of the name."""
    assert file_name(KEY, RUN_ID) == file_name(KEY, "20261124-0000000000")


def test_the_name_by_hand_is_that_of_one_run() -> None:
    """Runs by hand never meet one another's record."""
    key = RunKey(server="amt:4004", application="DEMO2", job="RUN_PAY")
    assert file_name(key, RUN_ID) != file_name(key, "20261123-0000000000")


def test_a_server_is_the_same_in_any_letter_case() -> None:
    """Names of machines have no letter case: correcting one in the configuration must not lose an open run."""
    assert file_name(KEY, RUN_ID) == file_name(KEY._replace(server="AMT:4004"), RUN_ID)


def test_a_name_begins_with_what_people_look_for() -> None:
    """An administrator finds the file of a job."""
    assert file_name(KEY, RUN_ID).startswith("20261123-end-of-day-payroll-")


def test_other_files_are_no_records() -> None:
    """Whatever else lies in the directory is left alone."""
    assert not any(is_name(text) for text in ("cleaned", "notes", "hand-x", "a" * 16, "a" * 34, ""))
