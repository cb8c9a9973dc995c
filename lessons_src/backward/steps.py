"""Write what happened in a ``backward()`` as text: a line for each node that ran, what it sent below it."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lessons_src.backward.record import Accumulation, Contribution, Gradient, Number, Step, Values
    from lessons_src.graph.options import TextOptions

INDENT = " " * 5
LONGEST_SUM = 60  # characters: a longer one is not written out
MOST_OUTPUTS = 4


def step_lines(steps: Sequence[Step], options: TextOptions) -> Iterator[str]:
    """Yield the lines of all steps up to a limit, and one more that counts what was left out.

    >>> from lessons_src.backward.record import Step
    >>> from lessons_src.graph.options import TextOptions
    >>> list(step_lines([Step(0, "AddBackward0", ["z"], [None], [None], 0, None, [], None)], TextOptions()))
    ['1. AddBackward0: z runs with nothing']
    """
    yield from islice(_Stepper(steps).lines(), options.max_lines)
    total = sum([1 + len(step.sent) + (step.accumulation is not None) for step in steps])
    left_out = total - (options.max_lines or total)
    if left_out > 0:
        yield f"{options.marks.more.strip()} {left_out:,} more line{'' if left_out == 1 else 's'}"


class _Stepper:
    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self.of_node = {step.node: step for step in steps}
        self.counts = Counter(map(_title, steps))
        self.terms: dict[tuple[int, int], list[Gradient]] = {}  # what came for an output so far

    def lines(self) -> Iterator[str]:
        for number, step in enumerate(self.steps, start=1):
            yield f"{number}. {self.name(step)}{_colon(_label(step))} runs with {self.received(step)}"
            for contribution in step.sent:
                yield f"{INDENT}sends {self.delivery(contribution)}"
            if step.accumulation:
                yield f"{INDENT}adds {_addition(step.accumulation, _label(step))}"

    def name(self, step: Step) -> str:
        return f"{step.name} [{step.node}]" if self.counts[_title(step)] > 1 else step.name

    def received(self, step: Step) -> str:
        outputs = zip(step.came, step.ran_with, strict=True)
        texts = [
            _sum_text(came, ran_with, self.terms.pop((step.node, output_nr), []))
            for output_nr, (came, ran_with) in enumerate(outputs)
        ]
        if len(texts) == 1:
            return texts[0]
        shown = [f"{text} for output {output_nr}" for output_nr, text in enumerate(texts[:MOST_OUTPUTS])]
        if len(texts) > MOST_OUTPUTS:
            shown.append(f"and {len(texts) - MOST_OUTPUTS:,} more")
        return ", ".join(shown)

    def delivery(self, contribution: Contribution) -> str:
        receiver, output_nr = self.of_node[contribution.node], contribution.output_nr
        if contribution.gradient:
            self.terms.setdefault((receiver.node, output_nr), []).append(contribution.gradient)
        text = f"{gradient_text(contribution.gradient)} to {self.reference(receiver, output_nr)}"
        return (
            f"{text} ({contribution.arrived} of {contribution.awaited})" if contribution.awaited > 1 else text
        )

    def reference(self, step: Step, output_nr: int) -> str:
        label = step.labels[output_nr]
        if label and step.accumulation and self.counts[_title(step)] == 1:
            return label
        output = f" output {output_nr}" if len(step.labels) > 1 else ""
        return f"{self.name(step)}{output}{_colon(label)}"


def gradient_text(gradient: Gradient | None) -> str:
    """Return a gradient's numbers if they are few, else its shape and norm.

    >>> import torch
    >>> from lessons_src.backward.record import Gradient
    >>> gradient_text(Gradient.of(torch.tensor([[1.0, 1 / 3]]))), gradient_text(Gradient.of(torch.ones(3, 3)))
    ('[[1, 0.33333]]', '(3, 3) of norm 3')
    """
    if gradient is None:
        return "nothing"
    if gradient.values is not None:
        return _values_text(gradient.values)
    shape = "(?)" if gradient.shape is None else str(tuple(gradient.shape))
    return shape if gradient.norm is None else f"{shape} of norm {_number_text(gradient.norm)}"


def _values_text(values: Values) -> str:
    if isinstance(values, list):
        return f"[{', '.join(map(_values_text, values))}]"
    return _number_text(values)


def _number_text(number: Number) -> str:
    if isinstance(number, float):
        return f"{number:.5g}"
    return f"({complex(number):.5g})" if number.endswith("j") else number


def _sum_text(came: Gradient | None, ran_with: Gradient | None, terms: list[Gradient]) -> str:
    text = gradient_text(came)
    if len(terms) > 1:
        written_out = f"{' + '.join(map(gradient_text, terms))} = {text}"
        is_short = terms[0].values is not None and len(written_out) <= LONGEST_SUM
        text = written_out if is_short else f"{text}, the sum of {len(terms):,}"
    return text if came == ran_with else f"{gradient_text(ran_with)}, which a hook made of {text}"


def _addition(accumulation: Accumulation, label: str) -> str:
    before, added, after = accumulation.before, accumulation.added, accumulation.after
    text = f"{gradient_text(added)} to {label}.grad"
    if not label or ", " in label:  # none, or several
        text = f"{gradient_text(added)} to its .grad"
    if before is None and after == added:
        return f"{text}, which was None"
    return f"{text}: {_grad_text(before)} before, {_grad_text(after)} after"


def _grad_text(gradient: Gradient | None) -> str:
    return "None" if gradient is None else gradient_text(gradient)


def _label(step: Step) -> str:
    return ", ".join(filter(None, step.labels))


def _title(step: Step) -> str:
    return step.name + _colon(_label(step))


def _colon(label: str | None) -> str:
    return f": {label}" if label else ""
