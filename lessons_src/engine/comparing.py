"""Compare the output of a block with the one that the lesson stores."""

import re

# The places where hexadecimal digits are a memory location; elsewhere they may be a number or a word.
_LOCATION = re.compile(
    r"\b0x[0-9a-f]{4,16}\b"  # a Python repr
    r"|(?<=── )(?P<tree>\w+: )[0-9a-f]{5,16}$"  # a line of a graph's tree
    r"|(?P<pair>\('\w+', ')[0-9a-f]{5,16}(?='\))",  # a node of traverse_graph
    re.MULTILINE,
)
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\w)")


def outputs_match(stored: str, shown: str, *, ellipsis: bool = False, tolerance: float | None = None) -> bool:
    """Return whether `shown` equals `stored`, up to a one-to-one renaming of memory locations.

    With `ellipsis`, `...` in `stored` matches any text within its line, and a line that is only `...`
    matches any number of lines. With `tolerance`, numbers may differ by that much.

    >>> outputs_match("at 0xaaaa, 0xbbbb, 0xaaaa", "at 0x1111, 0x2222, 0x1111")
    True
    >>> outputs_match("at 0xaaaa, 0xbbbb, 0xaaaa", "at 0x1111, 0x2222, 0x3333")
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
        before = match["tree"] or match["pair"] or ""
        location = match[0].removeprefix(before)
        # No output contains this control character, so a name never equals other text.
        return before + names.setdefault(location, f"\0{len(names)}\0")

    return _LOCATION.sub(name, text)


def _numbers_match(stored: str, shown: str, tolerance: float) -> bool:
    if _NUMBER.split(stored) != _NUMBER.split(shown):
        return False
    pairs = zip(_NUMBER.findall(stored), _NUMBER.findall(shown), strict=True)
    return all(abs(float(one) - float(other)) <= tolerance for one, other in pairs)
