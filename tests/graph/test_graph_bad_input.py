"""Bad input: an error that names the argument, what came and what is meant; nothing is printed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from networks import leaf
from torch import nn

from lessons_src import AutogradGraph, print_graph

MEANT = "a tensor, a grad_fn, a GradientEdge or a sequence of them is meant"
NAMES = "names: a mapping of names to tensors is meant, such as locals(), or a module"
DEPTH = "max_depth: a number of levels is meant, at least 1, or None for all"
LINES = "max_lines: a number of lines is meant, at least 1, or None for all"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (3, f"output: {MEANT}, not int."),
        (1.5, f"output: {MEANT}, not float."),
        ("loss", f"output: {MEANT}, not str."),
        (b"loss", f"output: {MEANT}, not bytes."),
        ({"loss": leaf(2)}, f"output: {MEANT}, not dict."),
        (nn.Linear, f"output: {MEANT}, not type."),
        (nn.Linear(1, 1), f"output: {MEANT}, not a module: pass what the Linear returned."),
        ([leaf(2), 3], f"output[1]: {MEANT}, not int."),
        ([[leaf(2)]], f"output[0]: {MEANT}, not list."),
    ],
)
def test_what_has_no_graph_is_no_output(
    output: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TypeError) as caught:
        print_graph(output)
    assert str(caught.value) == message
    assert capsys.readouterr().out == ""


def test_a_sequence_of_outputs_has_at_least_one() -> None:
    with pytest.raises(ValueError, match="output: ") as caught:
        print_graph([])
    assert str(caught.value) == f"output: {MEANT}, not a sequence of none."


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (3, f"{NAMES}, not int."),
        ("w", f"{NAMES}, not str."),
        (leaf(2), f"{NAMES}, not Tensor."),
        ([("w", leaf(2))], f"{NAMES}, not list."),
        ({1: leaf(2)}, "names: each name is meant to be a string, not int."),
    ],
)
def test_names_are_a_mapping_or_a_module(
    names: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TypeError) as caught:
        print_graph(leaf(2), names)
    assert str(caught.value) == message
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"max_depth": -1}, ValueError, f"{DEPTH}, not -1."),
        ({"max_depth": 0}, ValueError, f"{DEPTH}, not 0."),
        ({"max_depth": "3"}, TypeError, f"{DEPTH}, not '3'."),
        ({"max_depth": True}, TypeError, f"{DEPTH}, not True."),
        ({"max_lines": 0}, ValueError, f"{LINES}, not 0."),
        ({"max_lines": 1.5}, TypeError, f"{LINES}, not 1.5."),
        ({"shapes": "yes"}, TypeError, "shapes: True or False is meant, not 'yes'."),
        ({"show_none": None}, TypeError, "show_none: True or False is meant, not None."),
        ({"flat": 1}, TypeError, "flat: True or False is meant, not 1."),
        ({"shape": True}, TypeError, "TextOptions.__init__() got an unexpected keyword argument 'shape'"),
        ({"max_nodes": 0}, ValueError, "max_nodes: at least 1 is meant, not 0."),
        ({"max_nodes": None}, TypeError, "max_nodes: a number of nodes is meant, an int, not NoneType."),
        ({"max_nodes": True}, TypeError, "max_nodes: a number of nodes is meant, an int, not bool."),
    ],
)
def test_an_option_out_of_range_is_refused(
    options: dict[str, Any], kind: type[Exception], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(kind) as caught:
        print_graph(leaf(2), **options)
    assert str(caught.value) == message
    assert capsys.readouterr().out == ""


def test_lines_are_refused_when_they_are_asked_for_and_not_when_they_are_read() -> None:
    graph = AutogradGraph.from_output(torch.ones(2))
    with pytest.raises(ValueError, match="max_depth"):
        graph.iter_lines(max_depth=-1)
    with pytest.raises(ValueError, match="max_lines"):
        graph.print_tabular(max_lines=-1)
    with pytest.raises(TypeError, match="ascii_only: True or False is meant, not 'no'"):
        graph.render(ascii_only="no")  # type: ignore[arg-type]
