"""Bad input: an error that names the argument, what came and what it must be; nothing is printed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from networks import leaf
from torch import nn

from lessons_src import AutogradGraph, print_graph

MUST = "must be a tensor, a grad_fn, a GradientEdge, or a sequence or mapping of them"
NAMES = "names must be a mapping of names to tensors, such as locals(), or a module"
DEPTH = "max_depth must be a number of levels, at least 1, or None for all"
LINES = "max_lines must be a number of lines, at least 1, or None for all"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (3, f"output {MUST}, not int."),
        (1.5, f"output {MUST}, not float."),
        ("loss", f"output {MUST}, not str."),
        (b"loss", f"output {MUST}, not bytes."),
        (nn.Linear, f"output {MUST}, not type."),
        (nn.Linear(1, 1), f"output {MUST}, not a module. Pass what the Linear returned."),
        ([leaf(2), 3], f"output[1] {MUST}, not int."),
        ([(leaf(2), 3)], f"output[0][1] {MUST}, not int."),
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
    with pytest.raises(ValueError, match="^output must be ") as caught:
        print_graph([])
    assert str(caught.value) == f"output {MUST}, not an empty sequence."
    with pytest.raises(ValueError, match="^output must be ") as caught:
        print_graph({"steps": 3, "more": ["text"]})
    assert str(caught.value) == f"output {MUST}, not a mapping without any."


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (3, f"{NAMES}, not int."),
        ("w", f"{NAMES}, not str."),
        (leaf(2), f"{NAMES}, not Tensor."),
        ([("w", leaf(2))], f"{NAMES}, not list."),
        ({1: leaf(2)}, "names must have strings as keys, not int."),
    ],
)
def test_names_are_a_mapping_or_a_module(
    names: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TypeError) as caught:
        print_graph(leaf(2), names)
    assert str(caught.value) == message
    assert capsys.readouterr().out == ""


def test_names_of_a_state_dict_are_refused() -> None:
    with pytest.raises(
        ValueError, match="^names must be a graph's tensors, not a state_dict's, .* Pass the module.$"
    ):
        print_graph(leaf(2), nn.Linear(1, 1).state_dict())


def test_names_of_a_state_dict_of_parameters_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    layer = nn.Linear(1, 1)
    print_graph(layer.weight, layer.state_dict(keep_vars=True))
    assert capsys.readouterr().out == "└── AccumulateGrad: weight\n"


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"max_depth": -1}, ValueError, f"{DEPTH}, not -1."),
        ({"max_depth": 0}, ValueError, f"{DEPTH}, not 0."),
        ({"max_depth": "3"}, TypeError, f"{DEPTH}, not '3'."),
        ({"max_depth": True}, TypeError, f"{DEPTH}, not True."),
        ({"max_lines": 0}, ValueError, f"{LINES}, not 0."),
        ({"max_lines": 1.5}, TypeError, f"{LINES}, not 1.5."),
        ({"shapes": "yes"}, TypeError, "shapes must be True or False, not 'yes'."),
        ({"show_none": None}, TypeError, "show_none must be True or False, not None."),
        ({"flat": 1}, TypeError, "flat must be True or False, not 1."),
        ({"shape": True}, TypeError, "TextOptions.__init__() got an unexpected keyword argument 'shape'"),
        ({"max_nodes": 0}, ValueError, "max_nodes must be at least 1, not 0."),
        ({"max_nodes": None}, TypeError, "max_nodes must be an int, not NoneType."),
        ({"max_nodes": True}, TypeError, "max_nodes must be an int, not bool."),
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
    with pytest.raises(TypeError, match="ascii_only must be True or False, not 'no'"):
        graph.render(ascii_only="no")  # type: ignore[arg-type]
