"""What a recorded backward looks like as text: whole expected texts."""

from textwrap import dedent
from typing import Any

import pytest
import torch
from torch import Tensor

from lessons_src import record_backward


def leaf(*values: float) -> Tensor:
    return torch.tensor(values, requires_grad=True)


def is_text(record: object, expected: str) -> bool:
    assert str(record) == dedent(expected).strip()
    return True


def test_a_line_of_training_is_a_story_in_steps() -> None:
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])
    a, b = leaf(0.0), leaf(0.0)
    prediction = a + b * x
    loss = ((prediction - y) ** 2).mean()
    expected = """
        1. MeanBackward0: loss runs with 1
             sends [0.5, 0.5] to PowBackward0
        2. PowBackward0 runs with [0.5, 0.5]
             sends [-3, -5] to SubBackward0
        3. SubBackward0 runs with [-3, -5]
             sends [-3, -5] to AddBackward0: prediction
        4. AddBackward0: prediction runs with [-3, -5]
             sends [-8] to a
             sends [-3, -5] to MulBackward0
        5. AccumulateGrad: a runs with [-8]
             adds [-8] to a.grad, which was None
        6. MulBackward0 runs with [-3, -5]
             sends [-13] to b
        7. AccumulateGrad: b runs with [-13]
             adds [-13] to b.grad, which was None
    """
    assert is_text(record_backward(loss, locals()), expected)


def test_what_is_large_is_its_shape_and_norm() -> None:
    w = torch.ones(3, 3, requires_grad=True)
    loss = (w * w).sum()
    expected = """
        1. SumBackward0 runs with 1
             sends (3, 3) of norm 3 to MulBackward0
        2. MulBackward0 runs with (3, 3) of norm 3
             sends (3, 3) of norm 3 to w (1 of 2)
             sends (3, 3) of norm 3 to w (2 of 2)
        3. AccumulateGrad: w runs with (3, 3) of norm 6, the sum of 2
             adds (3, 3) of norm 6 to w.grad, which was None
    """
    assert is_text(record_backward(loss, {"w": w}), expected)


def test_a_sum_of_many_numbers_is_not_written_out() -> None:
    w = leaf(2.0)
    text = str(record_backward(torch.stack([w] * 20).sum(), {"w": w}))
    assert "AccumulateGrad: w runs with [20], the sum of 20\n" in text


def test_nodes_that_would_read_the_same_have_their_index() -> None:
    p, q = leaf(1.0), leaf(2.0)
    expected = """
        1. MulBackward0 runs with [1]
             sends [2] to AccumulateGrad [1]
             sends [1] to AccumulateGrad [2]
        2. AccumulateGrad [1] runs with [2]
             adds [2] to its .grad, which was None
        3. AccumulateGrad [2] runs with [1]
             adds [1] to its .grad, which was None
    """
    assert is_text(record_backward(p * q), expected)


def test_each_of_several_outputs_has_its_gradient() -> None:
    w = leaf(1.0, 2.0, 3.0)
    first, second, third = w.unbind()
    expected = """
        1. AddBackward0 runs with 1
             sends 1 to MulBackward0
             sends 1 to UnbindBackward0 output 0: first (1 of 3)
        2. MulBackward0 runs with 1
             sends 3 to UnbindBackward0 output 0: first (2 of 3)
             sends 1 to UnbindBackward0 output 2 (3 of 3)
        3. UnbindBackward0: first runs with 1 + 3 = 4 for output 0, nothing for output 1, 1 for output 2
             sends [4, 0, 1] to w
        4. AccumulateGrad: w runs with [4, 0, 1]
             adds [4, 0, 1] to w.grad, which was None
    """
    assert is_text(record_backward(first * third + first, {"w": w, "first": first}), expected)
    del second


def test_of_many_outputs_some_are_shown_and_the_others_counted() -> None:
    outputs = torch.ones(2000, requires_grad=True).unbind()
    text = str(record_backward(outputs[0] * outputs[1999]))
    assert (
        "2. UnbindBackward0 runs with 1 for output 0, nothing for output 1, nothing for output 2, "
        "nothing for output 3, and 1,996 more\n"
    ) in text


def test_what_a_hook_changed_is_shown_with_what_it_was() -> None:
    w = leaf(2.0)
    y = w * 3
    y.register_hook(lambda grad: 10 * grad)  # type: ignore[no-untyped-call]
    expected = """
        1. AddBackward0 runs with [1]
             sends [1] to MulBackward0: y (1 of 2)
             sends [1] to MulBackward0: y (2 of 2)
        2. MulBackward0: y runs with [20], changed by a hook from [1] + [1] = [2]
             sends [60] to w
        3. AccumulateGrad: w runs with [60]
             adds [60] to w.grad, which was None
    """
    assert is_text(record_backward(y + y, {"w": w, "y": y}), expected)


class Cut(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> None:
        return None


def test_a_node_waits_for_nothing_as_well() -> None:
    w = leaf(2.0)
    y: Tensor = Cut.apply(w)  # type: ignore[no-untyped-call]
    expected = """
        1. CutBackward runs with [1]
             sends nothing to w
        2. AccumulateGrad: w runs with nothing
             adds nothing to w.grad, which was None
    """
    assert is_text(record_backward(y, {"w": w}), expected)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype stage")
def test_what_has_no_shape_and_no_numbers_is_a_question_mark() -> None:
    p, q = leaf(1.0, 2.0), leaf(3.0)
    padded = torch.nested.to_padded_tensor(torch.nested.as_nested_tensor([p, q]), 0.0)
    text = str(record_backward(padded.sum()))
    assert "2. ToPaddedTensorBackward0 runs with [[1, 1], [1, 1]]\n     sends (?) to Nested" in text


def test_a_leaf_of_two_names_has_both() -> None:
    w = leaf(3.0)
    expected = """
        1. ExpBackward0 runs with [1]
             sends [20.086] to w, tied
        2. AccumulateGrad: w, tied runs with [20.086]
             adds [20.086] to its .grad, which was None
    """
    assert is_text(record_backward(w.exp(), {"w": w, "tied": w}), expected)


def test_what_was_there_before_is_there_after_with_what_was_added() -> None:
    w = leaf(3.0)
    w.grad = torch.tensor([1.0])
    assert str(record_backward(w * w, {"w": w})).endswith("     adds [6] to w.grad: [1] before, [7] after")


def test_what_a_hook_cleared_is_gone_after() -> None:
    w = leaf(3.0)

    def clear(parameter: Tensor) -> None:
        parameter.grad = None

    w.register_post_accumulate_grad_hook(clear)  # type: ignore[no-untyped-call]
    assert str(record_backward(w * w, {"w": w})).endswith("     adds [6] to w.grad: None before, None after")


def test_numbers_are_short_and_complex_ones_stand_in_brackets() -> None:
    w = torch.tensor([1 / 3 + 2j, 4j], requires_grad=True)
    text = str(record_backward((w * w.conj()).real.sum(), {"w": w}))
    assert "adds [(0.66667+4j), (0+8j)] to w.grad" in text
    v = leaf(0.0)
    assert "adds [inf] to v.grad" in str(record_backward(v.sqrt(), {"v": v}))


def test_what_is_left_out_is_counted() -> None:
    def record() -> Any:
        w = leaf(2.0)
        return record_backward(w * w, {"w": w})

    assert record().render(max_lines=1) == "1. MulBackward0 runs with [1]\n… 4 more lines"
    assert record().render(max_lines=4, ascii_only=True).splitlines()[4] == "... 1 more line"
    assert record().render(max_lines=5) == record().render(max_lines=None) == str(record())
