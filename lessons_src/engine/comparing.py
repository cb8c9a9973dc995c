"""Compare the output of a block with the one that the lesson stores."""

import re

# The names of autograd nodes. Elsewhere `('loss', '12340')` is a pair with a number.
_NODE = r"\w*(?:Backward|Grad|CopySlices|CppFunction)\w*"

# The places where hexadecimal digits are a memory location; elsewhere they are a number or a word.
# Python's objects are at multiples of 8, so a node's location ends in a digit: `facade` is a variable's name.
_LOCATION = re.compile(
    r"\b(?P<at>at )0x[0-9a-f]{4,16}\b(?=[^<>\n]*(?<![- ])>)"  # `<A object at 0x7f…>`, but not `at 0x7f… -> 1`
    rf"|(?<=── )(?P<tree>{_NODE}: )[0-9a-f]{{4,15}}\d$"  # a line of a graph's tree
    rf"|(?P<pair>\('{_NODE}', ')[0-9a-f]{{4,15}}\d(?='\))",  # a node of traverse_graph
    re.MULTILINE,
)
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\w)")


def outputs_match(stored: str, shown: str, *, ellipsis: bool = False, tolerance: float | None = None) -> bool:
    """Return whether `shown` equals `stored`, up to a one-to-one renaming of memory locations.

    With `ellipsis`, `...` in `stored` matches any text within its line, and a line that is only `...`
    matches any number of lines. With `tolerance`, numbers may differ by that much.

    >>> outputs_match("<A at 0xaaaa> <B at 0xbbbb>", "<A at 0x1111> <B at 0x2222>")
    True
    >>> outputs_match("<A at 0xaaaa> <A at 0xaaaa>", "<A at 0x1111> <A at 0x2222>")
    False
    >>> outputs_match("loss 0.25", "loss 0.26", tolerance=0.1)
    True
    """
    if ellipsis:
        return re.fullmatch("\n".join(map(_line_pattern, stored.split("\n"))), shown) is not None
    if tolerance is not None:
        return _numbers_match(stored, shown, tolerance)
    return _name_locations(stored) == _name_locations(shown)


def _line_pattern(line: str) -> str:
    if line.strip() == "...":
        return "(?s:.*)"
    return r"[^\n]*".join(re.escape(part) for part in line.split("..."))


def _name_locations(text: str) -> str:
    """Replace each memory location by its number, in order of first occurrence.

    Texts that differ only by a one-to-one renaming of locations become equal.
    """
    names: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        before = match["at"] or match["tree"] or match["pair"]
        location = match[0].removeprefix(before)
        # No output contains this control character, so a name never equals other text.
        return before + names.setdefault(location, f"\0{len(names)}\0")

    return _LOCATION.sub(name, text)


def _numbers_match(stored: str, shown: str, tolerance: float) -> bool:
    if _NUMBER.split(stored) != _NUMBER.split(shown):
        return False
    pairs = zip(_NUMBER.findall(stored), _NUMBER.findall(shown), strict=True)
    return all(abs(float(one) - float(other)) <= tolerance for one, other in pairs)
