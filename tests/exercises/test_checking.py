"""What every check of an exercise does, whatever the exercise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from lessons_src.exercises.checking import Hint, ask, check, number

if TYPE_CHECKING:
    from collections.abc import Callable


@check
def check_nine(answer: object, power: float = 2) -> None:
    torch.rand(3)
    if number(answer) ** power != 9:
        raise Hint(f"{answer} to the power {power} must be 9.")


def test_a_check_says_right_or_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    check_nine(3)
    check_nine(2)
    check_nine(9, power=...)  # type: ignore[arg-type]
    check_nine(...)
    assert capsys.readouterr().out == (
        "Right.\n"
        "Not yet: 2 to the power 2 must be 9.\n"
        "Not yet: put your answer in place of `...`, and run this block again.\n"
        "Not yet: put your answer in place of `...`, and run this block again.\n"
    )


def test_a_check_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    check_nine()  # type: ignore[call-arg]
    check_nine(1, 2, 3)  # type: ignore[call-arg]
    assert capsys.readouterr().out == (
        "Not yet: call it as check_nine(answer, power): missing a required argument: 'answer'.\n"
        "Not yet: call it as check_nine(answer, power): too many positional arguments.\n"
    )


def test_a_check_leaves_the_next_random_numbers_as_they_were() -> None:
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    check_nine(3)
    assert torch.equal(torch.rand(2), expected)


def no_answer(x: float) -> None:
    pass


def not_yet(x: float) -> object:
    return ...


def a_slip(x: float) -> float:
    raise ValueError("a slip.")


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (not_yet, "put your answer in place of `...`, and run this block again\\."),
        (no_answer, r"no_answer\(2.0\) returns None; let it return your answer\."),
        (a_slip, r"a_slip\(2.0\) raises ValueError: a slip\."),
        (4.0, r"the answer must be a function, not 4\.0\. Give its name without brackets\."),
    ],
)
def test_a_function_that_cannot_be_judged_gets_a_hint(function: Callable[[float], Any], hint: str) -> None:
    with pytest.raises(Hint, match=f"^{hint}$"):
        ask(function, 2.0)


def test_a_number_may_be_a_tensor_of_one_element() -> None:
    assert number(torch.tensor(2)) == number(2) == 2.0
    for wrong, kind in [("2", "'2'"), (torch.ones(2), r"a tensor of shape \(2,\)")]:
        with pytest.raises(Hint, match=f"^the answer must be one number, not {kind}\\.$"):
            number(wrong)


@pytest.mark.parametrize(
    ("shown", "hint"),
    [
        ("(loss_of, [w])", "bare(loss_of, [w]) raises ValueError: no message."),
        ("fit(x)", "fit(x) raises ValueError: no message."),
        (None, "bare(2.0) raises ValueError: no message."),
    ],
)
def test_a_hint_shows_the_call_in_the_words_of_the_exercise(shown: str | None, hint: str) -> None:
    def bare(x: float) -> float:
        raise ValueError

    with pytest.raises(Hint) as found:
        ask(bare, 2.0, shown=shown)
    assert str(found.value) == hint


def test_an_if_on_several_numbers_is_told_apart() -> None:
    with pytest.raises(Hint, match=r"asks once.*torch\.where"):
        ask(bool, torch.ones(2))
