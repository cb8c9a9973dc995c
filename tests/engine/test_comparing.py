"""When an output is the stored one, and when it is not."""

import random
import re

import pytest

from lessons_src.engine.comparing import outputs_match
from lessons_src.engine.lesson import Tolerance

TREE = """\
└── MulBackward0: 3f0a0
    ├── AddBackward0: 3f1b2
    │   └── AccumulateGrad: 3f2c4
    └── AccumulateGrad: 3f2c4"""


def test_an_output_matches_itself() -> None:
    assert outputs_match("tensor([1., 2.])", "tensor([1., 2.])")


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("0.1", "0.2"),
        ("tensor([1., 0.])", "tensor([0., 1.])"),
        ("a", "a\n"),
        ("a", "a "),
        ("a  b", "a b"),
        ("...", "anything"),
        ("0.1", "0.10"),
        ("True", "true"),
    ],
)
def test_text_is_compared_exactly(stored: str, shown: str) -> None:
    assert not outputs_match(stored, shown)


def test_locations_match_when_one_renaming_turns_one_text_into_the_other() -> None:
    renamed = TREE.replace("3f0a0", "aaaa0").replace("3f1b2", "bbbb1").replace("3f2c4", "0c0c8")
    assert outputs_match(TREE, renamed)


def test_two_locations_may_trade_places() -> None:
    assert outputs_match("<A at 0x1111> <B at 0x2222>", "<A at 0x2222> <B at 0x1111>")


def test_a_long_line_with_many_addresses_is_searched_once() -> None:
    assert not outputs_match("at 0x1111 " * 10_000, "at 0x2222 " * 10_000)


def test_one_node_is_not_two() -> None:
    two = TREE[: -len("3f2c4")] + "3f2c5"
    assert not outputs_match(TREE, two)
    assert not outputs_match(two, TREE)


def test_a_location_is_one_wherever_it_stands() -> None:
    stored = "└── MulBackward0: aaaa1\n(('MulBackward0', 'aaaa1'), [])"
    assert outputs_match(stored, stored.replace("aaaa1", "bbbb1"))
    pair = "('AccumulateGrad', '{}')"
    stored = pair.format("aaaa1") * 2
    assert outputs_match(stored, pair.format("bbbb1") * 2)
    assert not outputs_match(stored, pair.format("bbbb1") + pair.format("bbbb2"))


@pytest.mark.parametrize(
    "text",
    [
        "<__main__.A object at {}>",
        "<function f.<locals>.<lambda> at {}>",
        "<bound method A.f of <__main__.A object at {}>>",
        "<weakref at {}; to 'A' at 0x7f0000000002>",
        "[<cell at {}: int object at 0x7f0000000002>]",
        '<code object f at {}, file "lesson block at line 3", line 1>',
    ],
)
def test_the_location_in_a_repr_may_be_another(text: str) -> None:
    assert outputs_match(text.format("0x7f0000000001"), text.format("0x7f0000000003"))


def test_a_location_that_was_widened_on_a_collision_still_matches() -> None:
    assert outputs_match("└── CopySlices: 3f0a0", "└── CopySlices: 7f3f0a0")


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("loss 12345", "loss 12346"),
        ("decade", "facade"),
        ("a: 12345", "a: 54321"),
        ("0xff", "0xfe"),
        ("Loss: abcde", "Loss: edcba"),
        ("0.1 is 0x3f800000", "0.1 is 0x3dcccccd"),
        ("0xdead", "0xbeef"),
        ("the float at 0x3f800000", "the float at 0x3dcccccd"),
        ("at 0x3f800000 -> 1.0", "at 0x3dcccccd -> 1.0"),
        ("at 0x3f800000 > 1.0", "at 0x3dcccccd > 1.0"),
        ("<A at 0x1111>: 0x2222", "<A at 0x1111>: 0x3333"),
        ("('loss', '12340')", "('loss', '12350')"),
        ("└── step: 12340", "└── step: 12350"),
        ("└── AccumulateGrad: facade", "└── AccumulateGrad: decade"),
    ],
)
def test_hexadecimal_digits_that_are_no_location_are_compared_exactly(stored: str, shown: str) -> None:
    assert not outputs_match(stored, shown)


def _tree(chance: random.Random, locations: list[str]) -> str:
    return "\n".join(f"└── {chance.choice('AB')}Backward: {chance.choice(locations)}" for _ in range(6))


def test_matching_is_symmetric_and_agrees_with_trying_every_renaming() -> None:
    chance = random.Random(0)
    ones, others = ["aaaa0", "aaaa1", "aaaa2"], ["aaaa1", "bbbb1", "bbbb2"]
    matched = 0
    for _ in range(2000):
        one, other = _tree(chance, ones), _tree(chance, others)
        if chance.random() < 0.5:
            shuffled = chance.sample(others, 3)
            names = dict(zip(ones, shuffled, strict=True))
            other = "\n".join(row[:-5] + names[row[-5:]] for row in one.split("\n"))
        pairs = {(a[-5:], b[-5:]) for a, b in zip(one.split("\n"), other.split("\n"), strict=True)}
        one_to_one = len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
        same_names = [row[:-5] for row in one.split("\n")] == [row[:-5] for row in other.split("\n")]
        assert outputs_match(one, other) is outputs_match(other, one) is (one_to_one and same_names)
        matched += outputs_match(one, other)
    assert 500 < matched < 1500


@pytest.mark.parametrize(
    "text", [TREE, "tensor([1.0000, 2.5000], grad_fn=<MulBackward0>)", "a\n\nb", "<A at 0xaaaa> 7"]
)
def test_any_one_character_changed_added_or_lost_is_a_mismatch(text: str) -> None:
    for at in range(len(text)):
        for new in "§ \n":
            assert outputs_match(text[:at] + new + text[at + 1 :], text) is (text[at] == new)
            assert not outputs_match(text[:at] + new + text[at:], text)


def test_an_ellipsis_stands_for_any_text_in_its_line_when_asked_for() -> None:
    assert outputs_match("took ... ms", "took 12 ms", ellipsis=True)
    assert outputs_match("took ... ms", "took  ms", ellipsis=True)
    assert not outputs_match("took ... ms", "took 12 s", ellipsis=True)
    assert not outputs_match("a ... d", "a b\nc d", ellipsis=True)


def test_an_ellipsis_matches_what_its_regular_expression_would() -> None:
    chance = random.Random(0)
    matched = 0
    for _ in range(5_000):
        stored = "".join(chance.choices(["a", "b", "\n", "...", " "], [4, 3, 3, 4, 1], k=chance.randrange(9)))
        shown = "".join(chance.choices("ab\n ", [4, 3, 3, 1], k=chance.randrange(9)))
        pattern = "\n".join(
            "(?s:.*)" if line.strip() == "..." else ".*".join(map(re.escape, line.split("...")))
            for line in stored.split("\n")
        )
        assert outputs_match(stored, shown, ellipsis=True) is bool(re.fullmatch(pattern, shown))
        matched += outputs_match(stored, shown, ellipsis=True)
    assert 300 < matched < 4_700


def test_many_ellipses_in_a_long_line_or_between_many_lines_are_searched_once() -> None:
    assert not outputs_match("a..." * 50 + "b", "a" * 10_000, ellipsis=True)
    assert not outputs_match("a\n...\n" * 50 + "b", "a\n" * 10_000, ellipsis=True)
    assert outputs_match("a...\n...\n" * 50 + "b", "a\n" * 10_000 + "b", ellipsis=True)


def test_locations_are_renamed_beside_an_ellipsis() -> None:
    stored = "<A at 0x1111>\ntook ...\n...\n<A at 0x1111> <B at 0x2222>"
    shown = "<A at {}>\ntook 3 <C at 0x5555>\n2\n<A at {}> <B at {}>"
    assert outputs_match(stored, shown.format("0x3333", "0x3333", "0x4444"), ellipsis=True)
    assert not outputs_match(stored, shown.format("0x3333", "0x4444", "0x4444"), ellipsis=True)
    assert not outputs_match(stored, shown.format("0x3333", "0x3333", "0x3333"), ellipsis=True)
    assert not outputs_match("1 ... 0x1111", "1 2 0x2222", ellipsis=True)


@pytest.mark.parametrize(
    "stored", ["<A at ...>", "<A at 0x...>", "<A at 0x7f...>", "<A at 0x...30>", "<...>"]
)
def test_an_ellipsis_may_stand_for_a_location_or_a_part_of_one(stored: str) -> None:
    assert outputs_match(f"{stored}\n<B at 0x1111>", "<A at 0x7f30>\n<B at 0x1111>", ellipsis=True)


def test_an_ellipsis_on_a_line_of_its_own_stands_for_any_lines() -> None:
    assert outputs_match("first\n...\nlast", "first\n2\n3\nlast", ellipsis=True)
    assert not outputs_match("first\n...\nlast", "first\n2\n3", ellipsis=True)


def test_what_is_beside_an_ellipsis_is_text_and_no_pattern() -> None:
    assert not outputs_match("a.c ...", "abc 1", ellipsis=True)
    assert outputs_match("f(x) = [1] ...", "f(x) = [1] 2", ellipsis=True)


def test_an_output_longer_than_what_an_ellipsis_asks_for_is_a_mismatch() -> None:
    assert not outputs_match("took ... ms", "took 12 ms\nand more", ellipsis=True)


@pytest.mark.parametrize(
    ("stored", "shown", "tolerance"),
    [
        ("loss 0.25", "loss 0.26", 0.01 + 1e-9),
        ("tensor([1., -2.])", "tensor([1.05, -1.95])", 0.1),
        ("1e-3", "0.002", 0.01),
        ("-0.001", "0.001", 0.01),
        ("7", "7", 1e-9),
        ("nan", "nan", 0.1),
        ("tensor([inf, -inf, nan, 1.])", "tensor([inf, -inf, nan, 1.05])", 0.1),
        ("took 12.0ms, 3.2x, 50%, 1.5j", "took 12.1ms, 3.1x, 50.1%, 1.6j", 0.2),
        ("[1,2]", "[1.05,1.95]", 0.1),
        ("1,234.5 s", "1,233 s", 2),
        ("999", "1,000", 2),
        ("2.5e-1", "2.6E-1", 0.1),
    ],
)
def test_numbers_may_differ_by_the_tolerance(stored: str, shown: str, tolerance: float) -> None:
    assert outputs_match(stored, shown, tolerance=Tolerance(tolerance))
    assert outputs_match(shown, stored, tolerance=Tolerance(tolerance))


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (f"{9.98:6.2f} s", f"{10.02:6.2f} s"),
        (f"loss:{9.98:6.2f}\nlast", f"loss:{10.02:6.2f}\nlast"),
        ("loss: 9.98", "loss:10.02"),
        ("tensor([0.0010, 1.0000])", "tensor([-0.0010,  1.0000])"),
        (
            "tensor([[10.0200,  1.0000],\n        [ 2.0000,  3.0000]])",
            "tensor([[9.9800, 1.0000],\n        [2.0000, 3.0000]])",
        ),
        ("[   nan 9.98]", "[  nan 10.02]"),
        ("[0.75 1.  ]", "[0.7  1.01]"),
    ],
)
def test_columns_may_move_under_a_tolerance(stored: str, shown: str) -> None:
    assert outputs_match(stored, shown, tolerance=Tolerance(0.1))
    assert outputs_match(shown, stored, tolerance=Tolerance(0.1))


def test_a_number_with_commas_is_one_number() -> None:
    assert not outputs_match("1,234", "2,234", tolerance=Tolerance(1))


def test_a_relative_tolerance_is_a_part_of_the_larger_number() -> None:
    assert outputs_match("1000 0.002", "1009 0.00201", tolerance=Tolerance(relative=0.01))
    assert not outputs_match("1000 0.002", "1009 0.003", tolerance=Tolerance(relative=0.01))
    assert not outputs_match("inf", "1000", tolerance=Tolerance(relative=0.5))
    assert not outputs_match("0", "1e-9", tolerance=Tolerance(relative=0.01))


def test_of_two_tolerances_the_wider_one_holds() -> None:
    both = Tolerance(absolute=0.01, relative=0.01)
    assert outputs_match("1000 0.002", "1009 0.003", tolerance=both)
    assert not outputs_match("1000", "1011", tolerance=both)
    assert not outputs_match("0.002", "0.013", tolerance=both)


def test_locations_are_renamed_under_a_tolerance_and_stay_locations() -> None:
    stored = "<A at 0x1111> <A at 0x2222> 0.25"
    assert outputs_match(stored, "<A at 0x3333> <A at 0x1111> 0.26", tolerance=Tolerance(0.1))
    assert not outputs_match(stored, "<A at 0x3333> <A at 0x3333> 0.25", tolerance=Tolerance(5))
    assert outputs_match(TREE, TREE.replace("3f2c4", "3f2c8"), tolerance=Tolerance(0.1))


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("tensor([1., 0.])", "tensor([0., 1.])"),
        ("loss 0.25", "cost 0.25"),
        ("0.25", "0.36"),
        ("0.25", "0.25 0.25"),
        ("0.25", "nan"),
        ("nan", "0.25"),
        ("0.25", "-0.25"),
        ("x1", "x2"),
        ("1 + 1", "1 - 1"),
        ("0.25", "inf"),
        ("inf", "-inf"),
        ("inf", "nan"),
        ("12.0ms", "12.0s"),
        ("12.0ms", "12.2ms"),
        ("1st", "1nd"),
        ("0x10", "0x11"),
        ("1 2", "12"),
        ("1\n2", "1 2"),
        ("a  b 1", "a b 1"),
        ("infinite", "finite"),
    ],
)
def test_numbers_further_apart_and_other_text_are_a_mismatch(stored: str, shown: str) -> None:
    assert not outputs_match(stored, shown, tolerance=Tolerance(0.1))
