"""The vocabulary of directives, and what is said of one that is not in it."""

import pytest

from lessons_src.engine.directives import DirectiveError, names_a_directive, parse_directives
from lessons_src.engine.lesson import Directives, Exercise, Tolerance


def test_each_directive_is_read() -> None:
    assert parse_directives(["hidden"]) == Directives(hidden=True)
    assert parse_directives(["raises", "ellipsis"]) == Directives(raises=True, ellipsis=True)
    assert parse_directives(["tolerance: 1e-3"]) == Directives(tolerance=Tolerance(absolute=0.001))
    assert parse_directives(["figure: A line."]) == Directives(figure="A line.")
    assert parse_directives(["predict: Which?"]) == Directives(predict="Which?")
    assert parse_directives(["display-only: no network"]) == Directives(display_only="no network")


def test_a_block_without_directives_asks_for_nothing() -> None:
    assert parse_directives([]) == Directives()


def test_an_argument_may_span_lines_and_hold_colons() -> None:
    directives = parse_directives(["  figure:\n     A line:\n     it rises.  "])
    assert directives.figure == "A line: it rises."


def test_a_misspelt_directive_is_an_error_that_suggests_the_right_one() -> None:
    with pytest.raises(DirectiveError, match=r"unknown directive `hiden`; did you mean `hidden`\?"):
        parse_directives(["hiden"])


def test_a_directive_in_capitals_is_an_error_that_suggests_the_right_one() -> None:
    with pytest.raises(DirectiveError, match=r"did you mean `raises`\?"):
        parse_directives(["Raises"])


def test_an_unknown_directive_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(DirectiveError, match=r"unknown directive `xyz`\. The directives are hidden, raises"):
        parse_directives(["xyz"])


@pytest.mark.parametrize("flag", ["hidden", "raises", "ellipsis"])
def test_a_flag_takes_no_argument(flag: str) -> None:
    with pytest.raises(DirectiveError, match=f"`{flag}` takes no argument"):
        parse_directives([f"{flag}: yes"])


@pytest.mark.parametrize("name", ["figure", "predict", "exercise", "noise", "display-only", "tolerance"])
@pytest.mark.parametrize("rest", ["", ":", ":  \n "])
def test_a_directive_that_needs_an_argument_says_so(name: str, rest: str) -> None:
    with pytest.raises(DirectiveError, match=f"`{name}` needs .*: write `<!-- {name}: … -->`"):
        parse_directives([name + rest])


def test_a_directive_stands_once() -> None:
    with pytest.raises(DirectiveError, match="`tolerance` is above this block twice"):
        parse_directives(["tolerance: 1", "tolerance: 2"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hidden", "predict: What?"),
        ("hidden", "exercise: ★ 5 min"),
        ("predict: What?", "exercise: ★ 5 min"),
        ("hidden", "raises"),
        ("ellipsis", "tolerance: 1"),
    ],
)
def test_directives_that_contradict_each_other_are_an_error_in_either_order(one: str, other: str) -> None:
    for comments in ([one, other], [other, one]):
        with pytest.raises(DirectiveError, match="contradict each other"):
            parse_directives(comments)


def test_a_block_that_is_not_run_takes_no_other_directive() -> None:
    with pytest.raises(DirectiveError, match="`display-only` must be the only directive of its block"):
        parse_directives(["display-only: no network", "raises"])


def test_a_tolerance_may_be_relative_or_both() -> None:
    assert parse_directives(["tolerance: 2.5%"]).tolerance == Tolerance(relative=0.025)
    both = Tolerance(absolute=0.01, relative=0.01)
    assert parse_directives(["tolerance: 0.01, 1%"]).tolerance == both
    assert parse_directives(["tolerance: 1 % , 0.01"]).tolerance == both


@pytest.mark.parametrize(
    "part", ["nan", "inf", "-inf", "0", "-0.1", "small", "0.1 m", "1e999", "", "%", "1%%"]
)
@pytest.mark.parametrize("form", ["{}", "{}%", "0.01, {}%", "{}, 1%"])
def test_a_tolerance_is_a_positive_number_a_percentage_or_both(part: str, form: str) -> None:
    argument = form.format(part)
    with pytest.raises(DirectiveError, match="`tolerance` (must be a positive number|needs)"):
        parse_directives([f"tolerance: {argument}"])


@pytest.mark.parametrize("argument", ["1,5", "1%, 5%", "0.01, 1%, 1%", "0.01 1%"])
def test_a_tolerance_of_a_kind_is_one(argument: str) -> None:
    with pytest.raises(DirectiveError) as caught:
        parse_directives([f"tolerance: {argument}"])
    assert str(caught.value) == (
        f"`tolerance` must be a positive number, a percentage below 100 or both, not `{argument}`: "
        "write `<!-- tolerance: 0.01, 1% -->`"
    )


def test_a_comment_that_begins_with_a_hash_is_a_remark() -> None:
    assert parse_directives(["# predict: What?", "hidden", "#raises"]) == Directives(hidden=True)
    assert not names_a_directive("# hidden")


def test_a_comment_that_only_begins_like_a_directive_is_none() -> None:
    assert not names_a_directive("figure out a better title")
    assert not names_a_directive("TODO: hidden")


def test_a_stray_directive_is_known_though_it_is_misspelt() -> None:
    assert names_a_directive("hiden")
    assert names_a_directive("Predict: what?")
    assert names_a_directive("display only: a reason")


def test_an_exercise_has_stars_and_minutes() -> None:
    assert parse_directives(["exercise: ★★ 10 min"]).exercise == Exercise(stars=2, minutes=10)
    for wrong in ("10 min", "★★★★ 10 min", "★ 0 min", "★ ten min", "★ 5"):
        with pytest.raises(DirectiveError, match=f"must be one to three stars and minutes, not `{wrong}`"):
            parse_directives([f"exercise: {wrong}"])
