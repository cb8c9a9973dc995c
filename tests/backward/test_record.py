"""A record is plain data, and nothing is lost on the way to JSON and back."""

import json
import math
from dataclasses import asdict
from typing import Any

import pytest
import torch

from lessons_src import record_backward
from lessons_src.backward.hooks import BackwardRecord


def square() -> BackwardRecord:
    w = torch.tensor(3.0, requires_grad=True)
    return record_backward(w * w, {"w": w})


def test_the_json_of_a_square_is_this() -> None:
    def number(value: float) -> dict[str, Any]:
        return {"shape": [], "dtype": "float32", "norm": value, "values": value}

    def sent(edge: int) -> dict[str, Any]:
        return {
            "edge": edge,
            "node": 1,
            "output_nr": 0,
            "gradient": number(3.0),
            "arrived": edge + 1,
            "awaited": 2,
        }

    multiplication = {
        "node": 0,
        "name": "MulBackward0",
        "labels": [None],
        "came": [number(1.0)],
        "ran_with": [number(1.0)],
        "changed": [False],
        "waits_for": 0,
        "ready_after": None,
        "sent": [sent(0), sent(1)],
        "accumulation": None,
    }
    leaf = {
        "node": 1,
        "name": "AccumulateGrad",
        "labels": ["w"],
        "came": [number(6.0)],
        "ran_with": [number(6.0)],
        "changed": [False],
        "waits_for": 2,
        "ready_after": 0,
        "sent": [],
        "accumulation": {"before": None, "added": number(6.0), "after": number(6.0)},
    }
    assert json.loads(square().to_json()) == {"steps": [multiplication, leaf]}


@pytest.mark.parametrize("start", [math.nan, math.inf, 1 + 2j])
def test_json_is_strict_whatever_the_numbers_are(start: complex) -> None:
    w = torch.tensor([start] * 9, requires_grad=True)
    record = record_backward((w * w).abs().sum(), {"w": w})

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(record.to_json(), parse_constant=refuse) == asdict(record)


def test_a_record_prints_as_its_text_and_shows_itself_in_short() -> None:
    record = square()
    assert str(record) == record.render()
    assert repr(record) == "<BackwardRecord of 2 steps>"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"max_lines": 0},
            ValueError,
            "max_lines must be a number of lines, at least 1, or None for all, not 0.",
        ),
        ({"ascii_only": 1}, TypeError, "ascii_only must be True or False, not 1."),
    ],
)
def test_a_wrong_option_is_named(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        square().render(**options)
    assert str(caught.value) == message
