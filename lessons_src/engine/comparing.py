"""Compare the output of a block with the one that the lesson stores."""

import math
import re

from lessons_src.engine.lesson import Tolerance

# The names of autograd nodes. Elsewhere `('loss', '12340')` is a pair with a number.
_NODE = r"\w*(?:Backward|Grad|CopySlices|CppFunction)\w*"

# The places where hexadecimal digits are a memory location; elsewhere they are a number or a word.
# Python's objects are at multiples of 8, so a node's location ends in 0 or 8: `facade` is a variable's name.
_LOCATION = re.compile(
    # `<A object at 0x7f…>`, but not `at 0x7f… -> 1`. Without a limit, a long line would take minutes.
    r"\b(?P<at>at 0x)[0-9a-f]{4,16}\b(?=[^<>\n]{0,300}(?<![- ])>)"
    rf"|(?<=── )(?P<tree>{_NODE}: )[0-9a-f]{{4,15}}\d$"  # a line of a graph's tree
    rf"|(?P<pair>\('{_NODE}', ')[0-9a-f]{{4,15}}\d(?='\))",  # a node of traverse_graph
    re.MULTILINE,
)
# The name that takes the place of a location. No output contains this control character, so a name equals no
# other text. Its letter keeps a tolerance from reading it as a number.
_NAME = re.compile(r"\0(n\d+)\0")
# A unit may follow: `12.0ms`, `3.2x`, `50%`.
_NUMBER = re.compile(
    r"(?<![\w.])[-+]?"
    r"(?:inf\b|nan\b|(?:(?:\d{1,3}(?:,\d{3}(?!\d))+|\d+)\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
)


def outputs_match(
    stored: str, shown: str, *, ellipsis: bool = False, tolerance: Tolerance | None = None
) -> bool:
    """Return whether `shown` equals `stored`, up to a one-to-one renaming of memory locations.

    With `ellipsis`, `...` in `stored` matches any text within its line, and a line that is only `...`
    matches one line or more. With `tolerance`, numbers may differ by that much,
    and the spaces beside them by any number, because columns move.

    >>> outputs_match("<A at 0xaaaa> <B at 0xbbbb>", "<A at 0x1111> <B at 0x2222>")
    True
    >>> outputs_match("<A at 0xaaaa> <A at 0xaaaa>", "<A at 0x1111> <A at 0x2222>")
    False
    >>> outputs_match("loss 0.25", "loss 0.26", tolerance=Tolerance(absolute=0.1))
    True
    """
    if ellipsis:
        # First without names, because in `at 0x7f...` the dots are a part of a location.
        return _dots_match(stored, shown) or _dots_match(_name_locations(stored), _name_locations(shown))
    if tolerance is not None:
        return _numbers_match(_name_locations(stored), _name_locations(shown), tolerance)
    return _name_locations(stored) == _name_locations(shown)


def _dots_match(stored: str, shown: str) -> bool:
    """Return whether `shown` matches `stored` with its dots, up to a one-to-one renaming of locations."""
    seen: set[str] = set()

    def group(name: re.Match[str]) -> str:
        if name[1] in seen:
            return f"(?P={name[1]})"
        seen.add(name[1])
        return f"(?P<{name[1]}>{_NAME.pattern})"

    found = re.fullmatch(_NAME.sub(group, _ellipsis_pattern(stored)), shown + "\n")
    return found is not None and len(set(found.groupdict().values())) == len(seen)


def _ellipsis_pattern(stored: str) -> str:
    """Return a pattern for the lines of `stored`, each with its line end."""
    groups = re.split(r"^[ \t]*\.\.\.[ \t]*\n", stored + "\n", flags=re.MULTILINE)
    patterns = [_with_anything_between(list(map(re.escape, group.split("..."))), ".*") for group in groups]
    return _with_anything_between(patterns, r"(?:.*\n)+")


def _with_anything_between(parts: list[str], anything: str) -> str:
    """Join patterns, so that each but the last is searched once, from where the one before it was found.

    The first place where a part is found leaves the most to the next parts, so no other place need be
    tried: that could take minutes. The first part must be at the beginning, the last one at the end.
    """
    if len(parts) == 1:
        return parts[0]
    begin, *middle, end = parts
    return begin + "".join(f"(?>{anything}?{part})" for part in middle) + anything + end


def _name_locations(text: str) -> str:
    """Replace each memory location by its number, in order of first occurrence.

    Texts that differ only by a one-to-one renaming of locations become equal.
    """
    names: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        before = match["at"] or match["tree"] or match["pair"]
        location = match[0].removeprefix(before)
        return before + names.setdefault(location, f"\0n{len(names)}\0")

    return _LOCATION.sub(name, text)


def _numbers_match(stored: str, shown: str, tolerance: Tolerance) -> bool:
    if _between_numbers(stored) != _between_numbers(shown):
        return False
    pairs = zip(_NUMBER.findall(stored), _NUMBER.findall(shown), strict=True)
    return all(one == other or _is_close(one, other, tolerance) for one, other in pairs)


def _between_numbers(text: str) -> list[str]:
    return [words.strip(" ") for words in _NUMBER.split(text)]


def _is_close(one: str, other: str, tolerance: Tolerance) -> bool:
    a, b = float(one.replace(",", "")), float(other.replace(",", ""))
    return math.isclose(a, b, rel_tol=tolerance.relative, abs_tol=tolerance.absolute)
