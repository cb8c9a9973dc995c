"""What every check of an exercise does, whatever the exercise."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy
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


DATA = torch.tensor([1.0, 2.0])


@check
def check_doubled(answer: Callable[..., Any]) -> None:
    if not torch.equal(ask(answer, DATA), 2 * DATA):
        raise Hint("those are not the doubles.")


@check
def check_slope_is_six(answer: Callable[..., Any]) -> None:
    w = torch.tensor(3.0, requires_grad=True)
    ask(answer, w).backward()
    if w.grad != 6:
        raise Hint("the slope is not 6.")


def test_data_that_an_answer_changes_are_others_and_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    check_doubled(lambda data: data.mul_(2))
    check_doubled(lambda data: 2 * data)
    out = capsys.readouterr().out
    assert out == (
        "Not yet: your function changes the data that it is given. Make new tensors: `y - p`, not `y -= p`.\n"
        "Right.\n"
    )


def switch_off(data: torch.Tensor) -> torch.Tensor:
    torch.set_grad_enabled(False)
    return 2 * data


def test_recording_that_an_answer_leaves_off_is_on_again(capsys: pytest.CaptureFixture[str]) -> None:
    check_doubled(switch_off)
    check_doubled(lambda data: switch_off(data) @ torch.ones(3, 3))
    assert torch.is_grad_enabled()
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Not yet: recording is still off after it.")
    assert "raises RuntimeError" in second


class SpeechlessError(Exception):
    def __str__(self) -> str:
        raise ValueError


class Unprintable:
    def __repr__(self) -> str:
        raise SpeechlessError


def gone_back(w: torch.Tensor) -> torch.Tensor:
    loss = w * w
    loss.backward()  # type: ignore[no-untyped-call]
    return loss


def changed_in_place(w: torch.Tensor) -> torch.Tensor:
    root = (w * w).sqrt()
    loss = root * 6
    root.zero_()
    return loss


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (gone_back, "your answer goes back through its graph itself. Leave `backward()` to the check."),
        (
            changed_in_place,
            "your answer changes, in place, what `backward()` needs. Make a new tensor.",
        ),
        (
            bool,
            "your answer cannot be judged: AttributeError: 'bool' object has no attribute 'backward'.",
        ),
        (lambda w: w * w, "Right."),
    ],
)
def test_what_a_check_itself_cannot_do_with_an_answer_is_no_traceback(
    capsys: pytest.CaptureFixture[str], answer: Callable[[torch.Tensor], object], hint: str
) -> None:
    check_slope_is_six(answer)
    assert capsys.readouterr().out.removeprefix("Not yet: ") == f"{hint}\n"


def test_an_answer_that_cannot_be_shown_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    check_nine(Unprintable())
    assert capsys.readouterr().out == "Not yet: your answer cannot be judged: SpeechlessError: no message.\n"


@pytest.mark.parametrize(
    "three", [numpy.float32(3), numpy.int64(3), Fraction(3), torch.tensor([3], dtype=torch.int)]
)
def test_any_number_is_one(capsys: pytest.CaptureFixture[str], three: object) -> None:
    check_nine(three)
    assert capsys.readouterr().out == "Right.\n"


def test_a_function_may_be_one_that_returns_nothing() -> None:
    assert ask(no_answer, 1.0, returns=False) is None
