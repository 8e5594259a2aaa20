"""The rules of a run's command line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amtconnector.cli import SUBCOMMANDS
from amtconnector.errors import UsageError
from amtconnector.run import arguments
from amtconnector.run.arguments import FLAGS, Action, Arguments, parse
from amtconnector.task import RequestId

START = ("-jt", "START", "-an", "DEMO2", "-jn", "JOB")
EVERY_FLAG = [*FLAGS, *(long for short, long in FLAGS.items() if long != short)]

TYPED = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.sampled_from([*EVERY_FLAG, "@x", "*", "%TEMP%", "~", "-Name x", "--", "-", "'PARAM'", "START=NOW", "a\vb"]),
)
"""What can be typed as one token: anything but NUL and half a surrogate pair."""
ONE_LINE = TYPED.filter(lambda value: not set(value) & {"\r", "\n"})

FIELD = {
    "-an": "application",
    "-jn": "job",
    "-fn": "script",
    "-u": "user",
    "-qn": "queue",
    "-su": "submit_user",
    "-st": "station",
    "--release": "release",
    "--config": "config",
}


def refusal(*tokens: str) -> str:
    """Return the line that refuses these tokens."""
    with pytest.raises(UsageError) as caught:
        parse(tokens)
    message = caught.value.message
    assert len(message.splitlines()) == 1
    assert not message.endswith(".")
    return message


def without_trailing(values: list[str]) -> tuple[str, ...]:
    """Return the values without the empty ones at their end."""
    while values and not values[-1]:
        values = values[:-1]
    return tuple(values)


def test_the_documented_command_line_of_the_incumbent_runs_unchanged() -> None:
    """Thousands of OpCon jobs hold it."""
    parsed = parse(["-jt", "START", "-an", "DEMO2", "-jn", "RUN_PARAMETERTESTA", "-pa", "'PARAM'"])
    assert parsed == Arguments(
        action=Action.START,
        application="DEMO2",
        job="RUN_PARAMETERTESTA",
        script="",
        user="",
        queue="",
        submit_user="",
        station="",
        task_values=(),
        parameters=("'PARAM'",),
        request_id=None,
        release="",
        config="",
    )


@given(st.lists(ONE_LINE, max_size=20), st.lists(TYPED, max_size=20))
def test_parameters_and_task_values_arrive_as_typed(parameters: list[str], task_values: list[str]) -> None:
    """For all values: the token after the flag is the value whatever it looks like."""
    tokens = [token for value in parameters for token in ("-pa", value)]
    tokens += [token for value in task_values for token in ("-tv", value)]
    parsed = parse([*tokens, *START])
    assert parsed.parameters == without_trailing(parameters)
    assert parsed.task_values == without_trailing(task_values)


@pytest.mark.parametrize("flag", FIELD)
@given(value=TYPED)
def test_a_single_value_arrives_as_typed_but_for_blanks_around_it(flag: str, value: str) -> None:
    """For all values of all single-value flags; -fn and --config keep even those blanks."""
    expected = value if flag in {"-fn", "--config"} else value.strip()
    given_before = {"-an": ("-jn", "J"), "-jn": ("-an", "A")}.get(flag, ("-an", "A", "-jn", "J"))
    tokens = ("-jt", "START", *given_before, flag, value)
    if flag in {"-an", "-jn"} and not expected:
        assert "needs" in refusal(*tokens)
    else:
        assert getattr(parse(tokens), FIELD[flag]) == expected


@pytest.mark.parametrize(("short", "long"), FLAGS.items())
def test_the_long_form_of_a_flag_means_the_same(short: str, long: str) -> None:
    """Each flag has both, but --release and --config, which are long only."""
    action = ("-jt", "KILL") if short == "-id" else ("-jt", "START")
    rest = ("-an", "A", "-jn", "J")
    if short in rest or short == "-jt":
        tokens = [*action, *rest]
        assert parse([long if token == short else token for token in tokens]) == parse(tokens)
    else:
        assert parse([*action, *rest, long, "7"]) == parse([*action, *rest, short, "7"])


def test_every_member_of_the_arguments_comes_from_a_flag() -> None:
    """Nothing is read that the table of flags does not name."""
    members = set(Arguments._fields)
    assert members == {*FIELD.values(), "action", "task_values", "parameters", "request_id"}
    assert set(FLAGS) == {*FIELD, "-jt", "-tv", "-pa", "-id"}


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag not in {"-pa", "-tv"}])
@pytest.mark.parametrize("first", ["x", ""])
def test_a_repeated_single_value_flag_is_refused(flag: str, first: str) -> None:
    """Also when the first value is empty or the same, and when the two are spelled differently."""
    assert "twice" in refusal(flag, first, FLAGS[flag], "x")


@pytest.mark.parametrize("flag", EVERY_FLAG)
def test_a_flag_without_a_value_is_refused_by_its_name(flag: str) -> None:
    """The last token may have lost its value."""
    message = refusal(flag)
    assert flag in message
    assert "needs a value" in message


@pytest.mark.parametrize(
    ("values", "parameters"),
    [
        (["a\nb"], ("a", "b")),
        (["a\r\nb\rc"], ("a", "b", "c")),
        (["a\n\nb\n"], ("a", "", "b")),
        (["a", "b\nc"], ("a", "b", "c")),
        ([" a \n b "], (" a ", " b ")),
        (["\n"], ()),
        (["a\u2028b\x0cc\x85d"], ("a\u2028b\x0cc\x85d",)),
    ],
)
def test_a_parameter_with_line_breaks_is_several(values: list[str], parameters: tuple[str, ...]) -> None:
    """One a line; only CR and LF break lines, and nothing is trimmed."""
    assert parse([*START, *(token for value in values for token in ("-pa", value))]).parameters == parameters


def test_a_task_value_keeps_its_line_breaks() -> None:
    """Splitting is the rule of -pa alone."""
    assert parse([*START, "-tv", "a\nb"]).task_values == ("a\nb",)


@pytest.mark.parametrize("flag", ["-pa", "-tv"])
@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (["", "x"], ("", "x")),
        (["x", "", "y", "", ""], ("x", "", "y")),
        (["", "", ""], ()),
        ([" "], (" ",)),
    ],
)
def test_an_empty_value_keeps_its_place_among_others(flag: str, values: list[str], kept: tuple[str, ...]) -> None:
    """Trailing ones are dropped, and a list of nothing but empty values is none."""
    parsed = parse([*START, *(token for value in values for token in (flag, value))])
    assert (parsed.parameters if flag == "-pa" else parsed.task_values) == kept


@pytest.mark.parametrize("flag", ["-pa", "-tv"])
def test_at_most_20_values_are_taken(flag: str) -> None:
    """AMT takes no more; dropped empty ones do not count."""
    twenty = [token for number in range(20) for token in (flag, str(number))]
    parse([*START, *twenty, flag, ""])
    assert "21 values" in refusal(*START, *twenty, flag, "20")


def test_parameters_are_counted_after_lines_are_split() -> None:
    """One value of 21 lines is 21 parameters."""
    parse([*START, "-pa", "\n".join(map(str, range(20)))])
    assert "21 values" in refusal(*START, "-pa", "\n".join(map(str, range(21))))


@pytest.mark.parametrize("flag", [flag for flag in FIELD if flag not in {"-an", "-jn"}])
def test_an_empty_single_value_means_not_given(flag: str) -> None:
    """Templates of OpCon jobs leave such pairs behind."""
    assert parse([*START, flag, ""]) == parse(START)


@pytest.mark.parametrize("flag", ["-an", "-jn"])
def test_an_empty_or_blank_required_value_is_missing(flag: str) -> None:
    """What the task is has to be said."""
    tokens = list(START)
    tokens[tokens.index(flag) + 1] = "  "
    assert flag in refusal(*tokens)


@pytest.mark.parametrize("text", ["START", "start", " Start "])
def test_the_job_type_is_read_in_any_case_and_trimmed(text: str) -> None:
    """As the incumbent did."""
    assert parse(["-jt", text, *START[2:]]).action is Action.START


@pytest.mark.parametrize("text", ["STRT", "-jn", "START KILL", "S\nT"])
def test_another_job_type_is_refused(text: str) -> None:
    """The line names the four."""
    assert "START, STOP, KILL or ATTACH" in refusal("-jt", text, *START[2:])


def test_a_missing_job_type_is_named() -> None:
    """With both spellings."""
    assert "-jt (--job-type) is missing" in refusal("-an", "A", "-jn", "J")


def test_everything_that_a_start_lacks_is_named_at_once() -> None:
    """One look is enough to mend the job."""
    message = refusal("-jt", "START")
    assert "-an" in message
    assert "-jn" in message
    assert "-fn" in message


def test_a_script_stands_for_the_job() -> None:
    """-jn is not needed beside -fn, and -fn wins."""
    script = r"\\server\share\my run.ps1 "
    assert parse(["-jt", "START", "-an", "A", "-fn", script]).name == script
    assert parse([*START, "-fn", script]).name == script


@pytest.mark.parametrize("action", ["STOP", "KILL", "ATTACH"])
def test_a_request_is_named_by_its_id_or_by_its_task(action: str) -> None:
    """-id, or -an with -jn or -fn."""
    assert parse(["-jt", action, "-id", " 2112 "]).request_id == RequestId("2112")
    parse(["-jt", action, "-an", "A", "-jn", "J"])
    parse(["-jt", action, "-an", "A", "-fn", "x.ps1"])
    for tokens in ([], ["-an", "A"], ["-jn", "J"], ["-id", ""], ["-id", " "]):
        assert "needs -id" in refusal("-jt", action, *tokens)


def test_contradictory_flags_are_refused() -> None:
    """An id is AMT's to give, and a release is about a start."""
    assert "-id" in refusal(*START, "-id", "2112")
    assert "--release" in refusal("-jt", "KILL", "-id", "1", "--release", "r1")


@pytest.mark.parametrize("text", ["0", "-1", "21 12", "2112\t\n1", "a/b", "x" * 65])
def test_what_is_no_request_id_is_refused(text: str) -> None:
    """Before anything is sent."""
    assert "-id" in refusal("-jt", "KILL", "-id", text)


@pytest.mark.parametrize("token", ["-zz", "--nope", "-", "--", "-JT", "--job-typ", "--job-typeX", "/jt", "-zz=1"])
def test_an_unknown_flag_is_named_whole(token: str) -> None:
    """An operator finds it in the job at once, and where a flag is unknown the command that shows them all."""
    with pytest.raises(UsageError) as caught:
        parse([*START, token, "x"])
    assert token in caught.value.message
    assert caught.value.hint == "" or caught.value.hint.endswith(" --help")


@pytest.mark.parametrize(
    ("token", "flag"),
    [("-uBOB", "-u"), ("-u=BOB", "-u"), ("--user=BOB", "--user"), ("--job-type=START", "--job-type"), ("-jtX", "-jt")],
)
def test_a_flag_and_its_value_are_two_tokens(token: str, flag: str) -> None:
    """A joined pair is refused, and the line says what is meant."""
    message = refusal(*START, token)
    assert token in message
    assert f"if {flag} is meant" in message


@pytest.mark.parametrize("token", ["--help", "--version"])
@pytest.mark.parametrize("at", [0, len(START)])
def test_help_and_version_stand_alone(token: str, at: int) -> None:
    """Beside job flags they are a mistake: nothing but a finished task may leave 0 to OpCon."""
    assert "stands alone" in refusal(*START[:at], token, *START[at:])


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_a_subcommand_after_job_flags_is_a_mistake(name: str) -> None:
    """As is any other token that follows no flag."""
    assert name in refusal(*START, name)


@pytest.mark.parametrize("token", ["--help", "--version", "check", "@x", "*"])
def test_after_a_flag_even_such_a_token_is_its_value(token: str) -> None:
    """No response files, no globbing, no options inside values."""
    assert parse([*START, "-pa", token]).parameters == (token,)


def test_a_stray_value_points_to_missing_quotes() -> None:
    """The usual cause: a value with blanks."""
    assert "quotes" in refusal(*START[:-1], "MY", "JOB")


def editor(*tokens: str) -> list[str]:
    """Return the command line as the editor plug-in stores it: one token."""
    return ["\v".join(tokens)]


@given(
    st.lists(TYPED.filter(lambda value: value not in EVERY_FLAG and "\v" not in value and value), max_size=5),
    st.lists(TYPED.filter(lambda value: "\v" not in value), max_size=5),
)
def test_the_editors_form_means_the_same(parameters: list[str], task_values: list[str]) -> None:
    """For all values: one token with U+000B is split there."""
    tokens = [*START, *(token for value in parameters for token in ("-pa", value))]
    tokens += [token for value in task_values for token in ("-tv", value)]
    try:
        expected = parse(tokens)
    except UsageError as error:
        assert refusal(*editor(*tokens)) == error.message  # noqa: PT017 - either outcome is right
    else:
        assert parse(editor(*tokens)) == expected


def test_in_the_editors_form_further_tokens_after_a_parameter_are_parameters() -> None:
    """Up to the next known flag; what looks like an unknown one is a value."""
    parsed = parse(editor(*START, "-pa", "a", "b c", "-zz", "", "d", "-tv", "25"))
    assert parsed.parameters == ("a", "b c", "-zz", "", "d")
    assert parsed.task_values == ("25",)


def test_in_the_editors_form_only_parameters_go_on() -> None:
    """A second token after -tv is a mistake there too."""
    assert "'26' is no flag" in refusal(*editor(*START, "-tv", "25", "26"))


def test_the_first_value_of_a_parameter_may_be_a_flag_in_the_editors_form_too() -> None:
    """The token after a flag is its value."""
    assert parse(editor(*START, "-pa", "-tv", "x")).parameters == ("-tv", "x")


def test_several_tokens_are_not_split_at_the_editors_separator() -> None:
    """A value may hold one."""
    assert parse([*START, "-pa", "a\vb"]).parameters == ("a\vb",)


@pytest.mark.parametrize("flag", FLAGS)
def test_a_value_that_is_no_text_is_refused_without_being_shown(flag: str) -> None:
    """Bytes that are no UTF-8 can't arrive at AMT as typed."""
    message = refusal(flag, "gr\udcfcn")
    assert flag in message
    assert "\udcfc" not in message


@given(st.lists(TYPED, max_size=8))
def test_any_command_line_is_parsed_or_refused_in_one_line(tokens: list[str]) -> None:
    """For all tokens: no other exception, and no line break in the refusal."""
    try:
        parse(tokens)
    except UsageError as error:
        assert len(error.message.splitlines()) == 1  # noqa: PT017 - either outcome is right


@pytest.mark.skipif(sys.platform == "win32", reason="arguments are UTF-16 there")
@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_tokens_arrive_as_typed_under_every_locale(locale: str) -> None:
    """What the shell hands over as UTF-8 is read as UTF-8, whatever the environment says."""
    code = "import sys; sys.path[:0] = sys.argv.pop().split('|')\n"
    code += "from amtconnector.run.arguments import from_process; print(ascii(from_process()))"
    for utf8_mode in ("0", "1"):
        environment = {
            "LC_ALL": locale,
            "PATH": os.environ["PATH"],
            "PYTHONUTF8": utf8_mode,
            "PYTHONCOERCECLOCALE": "0",
        }
        result = subprocess.run(
            [sys.executable, "-c", code, "Zürich ☃", "|".join(sys.path)],
            capture_output=True,
            check=True,
            env=environment,
            text=True,
        )
        assert result.stdout.strip() == ascii(["Zürich ☃"])


def test_a_run_does_not_pay_for_a_command_line_library() -> None:
    """Tokens are read without click: it costs 36 ms."""
    code = "import sys; from amtconnector.run import arguments; print('click' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert result.stdout.strip() == "False"
    assert arguments.MOST_VALUES == 20
