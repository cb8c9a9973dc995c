"""The text of a graph by whole expected strings: trees, lists, tables, limits, encodings."""

from __future__ import annotations

import io
import sys
from itertools import pairwise
from textwrap import dedent
from typing import Any

import pytest
import torch
from networks import chain, doublings, leaf, post_example, random_expression
from torch import nn
from torch.autograd.graph import GradientEdge

from lessons_src import AutogradGraph, print_graph, record_backward
from lessons_src.graph.model import GraphNode


def render(output: Any, names: Any = None, **options: Any) -> str:
    return "\n" + AutogradGraph.from_output(output, names).render(**options) + "\n"


def text(expected: str) -> str:
    return dedent(expected)


# The course's example, whose source writes the names by hand


def test_the_example_carries_its_names() -> None:
    output, names = post_example()
    assert render(output, names | {"out": output}) == text("""
        └── AddBackward0: out
            ├── AccumulateGrad: a
            └── AddBackward0: g
                ├── AddBackward0
                │   ├── AddBackward0: e
                │   │   ├── AccumulateGrad: a
                │   │   └── MmBackward0
                │   │       └── AccumulateGrad: b
                │   └── MmBackward0
                │       └── AddBackward0: f
                │           ├── AccumulateGrad: c
                │           └── MulBackward0
                │               └── AccumulateGrad: d
                └── AccumulateGrad: d
        """)


def test_shapes_and_inputs_without_a_gradient_are_there_when_asked() -> None:
    x, w = torch.ones(3, 2), leaf(2)
    assert render((x @ w).sum(), {"x": x, "w": w}, shapes=True, show_none=True) == text("""
        └── SumBackward0 ()
            └── MvBackward0 (3,)
                ├── None
                └── AccumulateGrad: w (2,)
        """)


# Shared nodes


def test_a_shared_node_is_drawn_once_and_referred_to_after() -> None:
    w = leaf(2)
    h = w.exp()
    assert render(h * (h + h.sin()), {"h": h, "w": w}) == text("""
        └── MulBackward0
            ├── ExpBackward0 [3]: h
            │   └── AccumulateGrad: w
            └── AddBackward0
                ├── → [3]: h
                └── SinBackward0
                    └── → [3]: h
        """)


def test_a_tag_is_the_nodes_place_in_the_graph() -> None:
    w = leaf(2)
    h = w.exp()
    graph = AutogradGraph.from_output(h * (h + h.sin()))
    assert "ExpBackward0 [3]" in graph.render()
    assert graph.nodes[3].name == "ExpBackward0"


def test_a_leaf_without_a_name_is_told_apart_by_its_tag() -> None:
    w, v = leaf(2), leaf(2)
    assert render(w * v + w) == text("""
        └── AddBackward0
            ├── MulBackward0
            │   ├── AccumulateGrad [2] (2,)
            │   └── AccumulateGrad (2,)
            └── → [2]
        """)


def test_an_operation_of_several_outputs_says_which() -> None:
    first, second, third = leaf(3, 2).unbind()
    assert render(first * third + second + first, {"a": first, "c": third}, shapes=True) == text("""
        └── AddBackward0 (2,)
            ├── AddBackward0 (2,)
            │   ├── MulBackward0 (2,)
            │   │   ├── UnbindBackward0 [3] output 0: a (2,)
            │   │   │   └── AccumulateGrad (3, 2)
            │   │   └── → [3] output 2: c (2,)
            │   └── → [3] output 1 (2,)
            └── → [3] output 0: a (2,)
        """)


def test_an_edge_to_an_output_that_there_is_not_has_no_shape() -> None:
    first, _ = leaf(2, 3).unbind()
    assert first.grad_fn is not None
    edges = [GradientEdge(first.grad_fn, 1), GradientEdge(first.grad_fn, 2)]
    assert render(edges, shapes=True) == text("""
        ├── UnbindBackward0 [0] output 1 (3,)
        │   └── AccumulateGrad (2, 3)
        └── → [0] output 2
        """)


def test_several_outputs_are_several_roots_of_one_text() -> None:
    w = leaf(2)
    h = w.exp()
    assert render([h, w, torch.ones(1), h.sin(), h], {"w": w}) == text("""
        ├── ExpBackward0 [1]
        │   └── AccumulateGrad: w
        ├── AccumulateGrad: w
        ├── (no graph: no operation was recorded)
        ├── SinBackward0
        │   └── → [1]
        └── → [1]
        """)


@pytest.mark.parametrize("options", [{}, {"show_none": True}, {"flat": True}])
def test_every_line_is_a_node_or_one_of_its_inputs(options: dict[str, bool]) -> None:
    for seed in range(20):
        graph = AutogradGraph.from_output(random_expression(seed))
        lines = graph.render(max_lines=None, **options).splitlines()
        inputs = [child for node in graph.nodes for child, _ in node.edges if child or options]
        assert len(lines) == (len(graph.nodes) if options.get("flat") else 1 + len(inputs)), seed


@pytest.mark.parametrize("show_none", [False, True])
def test_every_reference_is_to_a_node_that_stands_above_and_only_once(show_none: bool) -> None:
    for seed in range(20):
        tags: set[str] = set()
        graph = AutogradGraph.from_output(random_expression(seed))
        for line in graph.render(max_lines=None, show_none=show_none).splitlines():
            _, is_reference, after = line.partition("→ [")
            if is_reference:
                assert after.split("]")[0] in tags, seed
            elif "[" in line.split("─")[-1]:
                tag = line.split("─")[-1].split("[")[1].split("]")[0]
                assert tag not in tags, seed
                tags.add(tag)


# Deep trees


def test_a_deep_tree_goes_on_at_the_margin() -> None:
    w = leaf(1)
    lines = AutogradGraph.from_output(chain(43).sin() + w, {"w": w}).render().splitlines()
    assert len(lines) == 1 + 1 + 43 + 1 + 1
    assert lines[:3] == ["└── AddBackward0", "    ├── SinBackward0", "    │   └── AddBackward0"]
    assert lines[20:25] == [
        "    │" + " " * 75 + "└── AddBackward0 [20] ↓",
        "    └── AccumulateGrad: w",
        "[20] └── AddBackward0",
        "         └── AddBackward0",
        "             └── AddBackward0",
    ]
    assert lines[-6:] == [
        " " * 77 + " " * 4 + "└── AddBackward0 [40] ↓",
        "[40] └── AddBackward0",
        "         └── AddBackward0",
        "             └── AddBackward0",
        "                 └── AddBackward0",
        "                     └── AccumulateGrad (1,)",
    ]


def test_a_node_with_nothing_below_it_does_not_go_on() -> None:
    y = leaf(1)
    for _ in range(20):
        y = y.sin()
    assert "↓" not in AutogradGraph.from_output(y).render()
    assert "↓" not in AutogradGraph.from_output(y.sin()).render()
    assert (
        AutogradGraph.from_output(y.sin().sin())
        .render()
        .endswith("[20] └── SinBackward0\n         └── AccumulateGrad (1,)")
    )


def test_nothing_goes_on_for_a_reference_alone() -> None:
    rnn = nn.LSTMCell(2, 2).double()  # in 32 bits, what runs depends on the machine
    x = torch.ones(1, 2, dtype=torch.float64)
    state = rnn(x)
    for _ in range(30):
        state = rnn(x, state)
    lines = AutogradGraph.from_output(state[0].sum(), rnn).render(max_lines=None).splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("[")]
    assert len(starts) > 10
    assert min(end - start for start, end in pairwise([*starts, len(lines)])) > 1


def test_inputs_without_a_gradient_alone_do_not_go_on() -> None:
    nodes = [GraphNode(20, "CustomBackward", ((None, 0), (None, 0)), (), {}, None, 1)]
    for index in range(19, -1, -1):
        nodes.append(GraphNode(index, "SinBackward0", ((nodes[-1], 0),), ((),), {}, None, 1))
    graph = AutogradGraph(nodes[::-1], ((nodes[-1], 0),))
    assert graph.render().endswith("─ CustomBackward")
    assert graph.render(show_none=True).endswith("├── None\n" + " " * 84 + "└── None")


@pytest.mark.parametrize("operations", [100, 10_000])
def test_a_deep_trees_text_grows_with_its_length_and_not_its_square(operations: int) -> None:
    lines = AutogradGraph.from_output(chain(operations)).render(max_lines=None).splitlines()
    assert len(lines) == operations + 1
    assert max(map(len, lines)) < 120


# Limits: what is left out is counted


def test_lines_beyond_the_limit_are_counted() -> None:
    assert render(doublings(20), max_lines=3) == text("""
        └── AddBackward0
            ├── AddBackward0 [1]
            │   ├── AddBackward0 [2]
        … 38 more lines
        """)
    assert render(doublings(20), max_lines=40).endswith("… 1 more line\n")
    assert "more" not in render(doublings(20), max_lines=41)


def test_levels_beyond_the_limit_are_counted_in_lines() -> None:
    output, names = post_example()
    assert render(output, names, max_depth=3) == text("""
        └── AddBackward0
            ├── AccumulateGrad: a
            └── AddBackward0: g
                ├── AddBackward0 …
                └── AccumulateGrad: d
        … 9 more lines
        """)
    assert render(output, names, max_depth=3, max_lines=4) == text("""
        └── AddBackward0
            ├── AccumulateGrad: a
            └── AddBackward0: g
                ├── AddBackward0 …
        … 10 more lines
        """)
    assert render(output, names, max_depth=1) == "\n└── AddBackward0 …\n… 13 more lines\n"
    assert render(output, names, max_depth=7) == render(output, names)


def test_a_node_too_deep_at_first_is_drawn_where_it_is_not() -> None:
    y = leaf(2).sin()
    assert render(y.cos() * y, max_depth=3) == text("""
        └── MulBackward0
            ├── CosBackward0
            │   └── SinBackward0 [2] …
            └── SinBackward0 [2]
                └── AccumulateGrad (2,)
        """)


def test_a_limit_on_depth_holds_where_the_tree_goes_on() -> None:
    lines = AutogradGraph.from_output(chain(30)).render(max_depth=22).splitlines()
    assert lines[-2:] == ["[20] └── AddBackward0 …", "… 9 more lines"]


@pytest.mark.parametrize("max_depth", [1, 2, 3, 5, 8, 13, None])
@pytest.mark.parametrize("max_lines", [1, 2, 10, 50, None])
def test_each_line_is_drawn_or_counted(max_lines: int | None, max_depth: int | None) -> None:
    for seed in range(5):
        graph = AutogradGraph.from_output(random_expression(seed))
        whole = len(graph.render(max_lines=None).splitlines())
        *lines, last = graph.render(max_lines=max_lines, max_depth=max_depth).splitlines()
        counted = int(last.split()[1]) if last.startswith("…") else 1
        assert len(lines) + counted == whole, seed


def test_inputs_that_were_not_read_are_counted() -> None:
    output, names = post_example()
    graph = AutogradGraph.from_output(output, names, max_nodes=5)
    assert "\n" + graph.render() + "\n" == text("""
        └── AddBackward0
            ├── AccumulateGrad: a
            └── AddBackward0: g
                ├── AddBackward0 …
                └── AccumulateGrad: d
        … 2 inputs not followed, at max_nodes=5
        """)
    assert graph.render(max_lines=2).endswith("… 3 more lines, 2 inputs not followed, at max_nodes=5")
    assert graph.render(flat=True).endswith(
        "[3] AddBackward0 ← …\n[4] AccumulateGrad: d\n… 2 inputs not followed, at max_nodes=5"
    )


def test_thousands_of_outputs_are_no_more_work_than_as_many_inputs() -> None:
    lines = AutogradGraph.from_output([leaf(1) for _ in range(20_000)]).render(max_lines=None).splitlines()
    assert lines == ["├── AccumulateGrad (1,)"] * 19_999 + ["└── AccumulateGrad (1,)"]


def test_lines_are_made_one_by_one() -> None:
    lines = AutogradGraph.from_output(chain(10)).iter_lines()
    assert next(lines) == "└── AddBackward0"
    assert next(lines) == "    └── AddBackward0"


# Lists and tables


def test_a_flat_text_has_a_line_for_each_node_with_its_inputs() -> None:
    first, second, third = leaf(3, 2).unbind()
    w = leaf(2)
    names = {"a": first, "c": third, "w": w}
    output = first * third + second + torch.ones(2) * w
    assert render(output, names, flat=True, shapes=True) == text("""
        [0] AddBackward0 (2,) ← [1], [5]
        [1] AddBackward0 (2,) ← [2], [3] output 1
        [2] MulBackward0 (2,) ← [3] output 0, [3] output 2
        [3] UnbindBackward0: a, c (2,), (2,), (2,) ← [4]
        [4] AccumulateGrad (3, 2)
        [5] MulBackward0 (2,) ← w
        [6] AccumulateGrad: w (2,)
        """)
    assert render(output, flat=True, show_none=True, max_lines=6).endswith("← None, [6]\n… 1 more line\n")


def test_a_flat_text_has_the_nodes_down_to_a_depth() -> None:
    output, names = post_example()
    assert render(output, names, flat=True, max_depth=3) == text("""
        [0] AddBackward0 ← a, [1]
        [1] AddBackward0: g ← [2], d
        [2] AddBackward0 ← …
        [4] AccumulateGrad: a
        [11] AccumulateGrad: d
        … 7 more lines
        """)


def test_a_table_has_a_row_for_each_node(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = leaf(2, 3).unbind()
    w = leaf(3)
    graph = AutogradGraph.from_output((first * second + 1 * w).sum(), {"w": w, "a": first, "b": second})
    graph.print_tabular()
    assert "\n" + capsys.readouterr().out == text("""
        node  name             label  shape       inputs
        ----  ---------------  -----  ----------  --------------------------
        0     SumBackward0            ()          [1]
        1     AddBackward0            (3,)        [2], [5]
        2     MulBackward0            (3,)        [3] output 0, [3] output 1
        3     UnbindBackward0  a, b   (3,), (3,)  [4]
        4     AccumulateGrad          (2, 3)
        5     MulBackward0            (3,)        [6], None
        6     AccumulateGrad   w      (3,)
        """)
    graph.print_tabular(max_lines=1)
    assert "\n" + capsys.readouterr().out == text("""
        node  name          label  shape  inputs
        ----  ------------  -----  -----  ------
        0     SumBackward0         ()     [1]
        … 6 more lines
        """)


def test_an_output_without_a_graph_is_named_in_every_form(capsys: pytest.CaptureFixture[str]) -> None:
    w = leaf(2)
    graph = AutogradGraph.from_output({"loss": w.sum(), "aux": w.detach(), "more": [w.detach()]})
    aux, more = (f"{name} (no graph: no operation was recorded)" for name in ("aux", "more[0]"))
    assert graph.render().splitlines()[2:] == [f"├── {aux}", f"└── {more}"]
    assert graph.render(flat=True).splitlines()[2:] == [aux, more]
    assert graph.render(flat=True, max_lines=2).splitlines()[2:] == ["… 2 more lines"]
    graph.print_tabular()
    assert capsys.readouterr().out.splitlines()[-2:] == [aux, more]
    assert "aux, more[0] (no graph" in graph.to_dot().replace("\\n", " ")


def test_a_cell_has_the_first_of_a_thousand_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    rows = leaf(1_000).unbind()
    graph = AutogradGraph.from_output(torch.stack([row * 1 for row in rows]), {"rows": rows})
    graph.print_tabular(max_lines=None)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 170
    assert lines[2].endswith("[1], [2], [3], [4], [5], [6], … 994 more")
    unbind = next(line for line in lines if "Unbind" in line)
    assert "  rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], … 994 more  (), ()" in unbind
    listed = graph.render(flat=True, shapes=True, max_lines=None, ascii_only=True)
    assert " (), (), (), (), (), (), ... 994 more <- [1002]" in listed


def test_a_cell_counts_names_that_have_a_comma_and_fits_wide_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    w = leaf(2)
    AutogradGraph.from_output(w.sin(), {f"p[(0, {i})]": w for i in range(7)}).print_tabular()
    assert "p[(0, 5)], … 1 more  (2,)" in capsys.readouterr().out
    h = w.sin()
    AutogradGraph.from_output(h, {"損失": h}).print_tabular()
    header, _, first, second = capsys.readouterr().out.splitlines()
    assert header == "node  name            label  shape  inputs"
    assert first == "0     SinBackward0    損失   (2,)   [1]"
    assert second == "1     AccumulateGrad         (2,)"


def test_a_table_says_what_was_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    AutogradGraph.from_output(leaf(2).sin().cos(), max_nodes=2).print_tabular(max_lines=None)
    assert capsys.readouterr().out.endswith("… 1 input not followed, at max_nodes=2\n")


# Printing


def test_a_printed_graph_is_its_rendered_text(capsys: pytest.CaptureFixture[str]) -> None:
    output, names = post_example()
    options: dict[str, Any] = {"shapes": True, "show_none": True, "max_depth": 4, "max_lines": 5}
    for each in ({}, options, options | {"flat": True}):
        print_graph(output, names, **each)
        expected = AutogradGraph.from_output(output, names).render(**each)
        assert capsys.readouterr().out == expected + "\n"


class Terminal(io.TextIOWrapper):
    """Standard output of a given encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")

    def shown(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return "\n" + self.buffer.getvalue().decode(self.encoding)


def test_an_encoding_without_box_characters_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    w = leaf(2)
    h = w.exp()
    terminal = Terminal("ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    print_graph(h * (h + h.sin()), {"η": h, "w": w}, max_depth=3, max_lines=6)
    AutogradGraph.from_output(h).print_tabular(max_lines=1)
    assert terminal.shown() == text(r"""
        `-- MulBackward0
            |-- ExpBackward0 [3]: \u03b7
            |   `-- AccumulateGrad: w
            `-- AddBackward0
                |-- -> [3]: \u03b7
                `-- SinBackward0 ...
        ... 1 more line
        node  name          label  shape  inputs
        ----  ------------  -----  -----  ------
        0     ExpBackward0         (2,)   [1]
        ... 1 more line
        """)


def test_an_encoding_with_box_characters_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal("utf-8")
    monkeypatch.setattr(sys, "stdout", terminal)
    print_graph(leaf(2).sin())
    assert terminal.shown() == "\n└── SinBackward0\n    └── AccumulateGrad (2,)\n"


def test_a_printed_graph_is_ascii_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    print_graph(leaf(2).sin(), ascii_only=True)
    assert capsys.readouterr().out == "`-- SinBackward0\n    `-- AccumulateGrad (2,)\n"


def test_an_output_without_an_encoding_takes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    print_graph(leaf(2))
    assert output.getvalue() == "└── AccumulateGrad (2,)\n"


class Tee:
    """Standard output as logging tools replace it, without an encoding."""

    def __init__(self) -> None:
        self.written = ""

    def write(self, text: str) -> None:
        self.written += text

    def flush(self) -> None:
        pass


def test_an_output_that_only_writes_is_printed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    tee = Tee()
    monkeypatch.setattr(sys, "stdout", tee)
    print_graph(leaf(2).sin(), max_lines=1)
    assert tee.written == "└── SinBackward0\n… 1 more line\n"


def test_without_an_output_nothing_is_printed_as_by_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    print_graph(leaf(2))
    AutogradGraph.from_output(leaf(2)).print_tabular()


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_what_is_rendered_can_be_printed(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    w = leaf(2)
    print(AutogradGraph.from_output(w.exp(), {"η": w}).render())
    print(record_backward(w.sum(), {"η": w}).render(max_lines=2))
    assert terminal.shown() == text(r"""
        `-- ExpBackward0
            `-- AccumulateGrad: \u03b7
        1. SumBackward0 runs with 1
             sends [1, 1] to \u03b7
        ... 2 more lines
        """)


def test_a_name_that_only_the_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal("cp932")  # it has the box characters
    monkeypatch.setattr(sys, "stdout", terminal)
    w = leaf(2)
    print_graph(w, {"größe": w})
    assert terminal.shown() == "\n└── AccumulateGrad: gr\\xf6\\xdfe\n"


def test_ascii_marks_what_goes_on_and_what_comes_in() -> None:
    assert " v\n[20] `-- AddBackward0" in render(chain(30), ascii_only=True)
    assert (
        render(chain(1), ascii_only=True, flat=True) == "\n[0] AddBackward0 <- [1]\n[1] AccumulateGrad (1,)\n"
    )
