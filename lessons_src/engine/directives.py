"""Read directives, the comments above a block: `<!-- name -->` or `<!-- name: argument -->`."""

import difflib
import math
import re
from collections.abc import Iterable
from typing import Any

from lessons_src.engine.lesson import Directives, Exercise, Tolerance

# The argument of each directive, for error messages; None if it takes no argument.
_ARGUMENTS = {
    "hidden": None,
    "raises": None,
    "ellipsis": None,
    "figure": "the text that says what one sees in the figure",
    "predict": "the question that a reader answers before looking",
    "exercise": "its stars and minutes, such as `★★ 10 min`",
    "noise": "what the code or program that writes it is",
    "display-only": "the reason why the block is not run",
    "tolerance": "a number, a percentage or both, by how much the numbers in the output may differ",
}

# Pairs that cannot be used together, and why.
_CONFLICTS = {
    ("hidden", "predict"): "a hidden block shows nothing that a reader could predict",
    ("hidden", "raises"): "a reader could not see which code raised",
    ("hidden", "exercise"): "a reader edits the block of an exercise",
    ("predict", "exercise"): "what an exercise shows at first is no answer",
    ("ellipsis", "tolerance"): "an output is compared in one way or in the other",
}


CLOSING = "/predict"
"""The comment that ends the prose that is folded together with an output."""


# Comments by which a teacher may mean it: `end predict`, `/prediction`, `End of the prediction`
_LIKE_CLOSING = re.compile(
    r"[^\w#]*(?:(?:end|close|stop)[\W_]*)?(?:of )?(?:the )?predict(?:ion)?[\W_]*(?:end|close|stop)?\W*",
    re.IGNORECASE,
)


class DirectiveError(ValueError):
    """An error in the directives of a block, and its cure."""


def names_a_directive(comment: str) -> bool:
    """Return whether a comment looks like a directive, although it is not above a block.

    >>> names_a_directive("figure: a line"), names_a_directive("# figure: a line")
    (True, False)
    """
    name = comment.partition(":")[0].strip()
    return not _is_remark(comment) and bool(
        difflib.get_close_matches(name.lower(), _ARGUMENTS, n=1, cutoff=0.8)
    )


def may_end_a_fold(comment: str) -> bool:
    """Return whether a comment looks like `CLOSING`, and is another.

    >>> may_end_a_fold("end predict"), may_end_a_fold("/predcit"), may_end_a_fold("the end of it")
    (True, True, False)
    """
    close = names_a_directive(comment) and difflib.get_close_matches(comment, [CLOSING], cutoff=0.7)
    return comment != CLOSING and bool(close or _LIKE_CLOSING.fullmatch(comment))


def parse_directives(comments: Iterable[str]) -> Directives:
    """Read the comments above one block; those that begin with `#` are remarks.

    Raises `DirectiveError` if a directive is unknown, repeated or in conflict with another, or if its
    argument is missing, invalid or not expected.

    >>> parse_directives(["tolerance: 0.5, 1%", "predict: What is the slope?"]).tolerance
    Tolerance(absolute=0.5, relative=0.01)
    """
    found: dict[str, str] = {}
    for comment in comments:
        if _is_remark(comment):
            continue
        name, argument = _parse_directive(comment)
        if name in found:
            raise DirectiveError(f"`{name}` is above this block twice; delete one")
        found[name] = argument
    _refuse_conflicts(found)
    fields: dict[str, Any] = {name.replace("-", "_"): text or True for name, text in found.items()}
    if "tolerance" in found:
        fields["tolerance"] = _parse_tolerance(found["tolerance"])
    if "exercise" in found:
        fields["exercise"] = _parse_exercise(found["exercise"])
    return Directives(**fields)


def _is_remark(comment: str) -> bool:
    return comment.startswith("#")


def _parse_directive(comment: str) -> tuple[str, str]:
    name, colon, argument = comment.partition(":")
    name, argument = name.strip(), " ".join(argument.split())
    if name == CLOSING:
        raise DirectiveError(
            f"`{CLOSING}` ends a fold and is no directive of this block; put an empty line below it"
        )
    if name not in _ARGUMENTS:
        close = difflib.get_close_matches(name.lower(), _ARGUMENTS, n=1)
        hint = f"; did you mean `{close[0]}`?" if close else "."
        raise DirectiveError(
            f"unknown directive `{name}`{hint} The directives are {', '.join(_ARGUMENTS)}. "
            "Begin any other comment with `#`"
        )
    wanted = _ARGUMENTS[name]
    if colon and not wanted:
        raise DirectiveError(f"`{name}` takes no argument: write `<!-- {name} -->`")
    if wanted and not argument:
        raise DirectiveError(f"`{name}` needs {wanted}: write `<!-- {name}: … -->`")
    if name == "predict" and not _closes_its_tags(argument):
        raise DirectiveError("a question must close each HTML tag that it opens; write code in backticks")
    return name, argument


def _closes_its_tags(markdown: str) -> bool:
    # Without code and formulas
    html = re.sub(r"(`+|\$).*?\1", "", markdown)
    open_tags: list[str] = []
    for slash, name in re.findall(r"<(/?)([a-zA-Z]+)(?=[\s/>])[^<>]*>", html):
        if slash and (not open_tags or open_tags.pop() != name):
            return False
        if not slash and name not in {"br", "img", "wbr"}:
            open_tags.append(name)
    return not open_tags


def _refuse_conflicts(found: dict[str, str]) -> None:
    if "display-only" in found and len(found) > 1:
        raise DirectiveError(
            "`display-only` must be the only directive of its block: a block that is not run shows nothing"
        )
    for (one, other), reason in _CONFLICTS.items():
        if one in found and other in found:
            raise DirectiveError(f"`{one}` and `{other}` contradict each other: {reason}")


def _parse_tolerance(argument: str) -> Tolerance:
    limits: dict[str, float] = {}
    for part in argument.split(","):
        kind, number = ("relative", part.strip()[:-1]) if part.strip().endswith("%") else ("absolute", part)
        try:
            limit = float(number)
        except ValueError:
            limit = math.nan
        if not (0 < limit < (100 if kind == "relative" else math.inf)) or kind in limits:
            raise DirectiveError(
                f"`tolerance` must be a positive number, a percentage below 100 or both, not `{argument}`: "
                "write `<!-- tolerance: 0.01, 1% -->`"
            )
        limits[kind] = limit
    return Tolerance(limits.get("absolute", 0), limits.get("relative", 0) / 100)


def _parse_exercise(argument: str) -> Exercise:
    match = re.fullmatch(r"(★{1,3}) ([1-9]\d*) min", argument)
    if not match:
        raise DirectiveError(
            f"`exercise` must be one to three stars and minutes, not `{argument}`: "
            "write `<!-- exercise: ★★ 10 min -->`"
        )
    return Exercise(len(match[1]), int(match[2]))
