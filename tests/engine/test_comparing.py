"""When an output is the stored one, and when it is not."""

import random

import pytest

from lessons_src.engine.comparing import outputs_match

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
    ],
)
def test_numbers_may_differ_by_the_tolerance(stored: str, shown: str, tolerance: float) -> None:
    assert outputs_match(stored, shown, tolerance=tolerance)
    assert outputs_match(shown, stored, tolerance=tolerance)


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
    ],
)
def test_numbers_further_apart_and_other_text_are_a_mismatch(stored: str, shown: str) -> None:
    assert not outputs_match(stored, shown, tolerance=0.1)
