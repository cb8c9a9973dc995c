"""Write the steps of a ``backward()`` as text: a line for each node, and below it what the node sent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lessons_src.backward.record import Accumulation, Contribution, Gradient, Step, Values
    from lessons_src.graph.options import TextOptions

INDENT = " " * 5
LONGEST_SUM = 60  # characters: a longer sum is not written out
MOST_OUTPUTS = 4


def step_lines(steps: Sequence[Step], options: TextOptions) -> Iterator[str]:
    """Return the lines of all steps up to `max_lines`, and a line that counts the others.

    >>> from lessons_src.backward.record import Step
    >>> from lessons_src.graph.options import TextOptions
    >>> list(step_lines([Step(0, "Add", ["z"], [None], [None], [False], 0, None, [], None)], TextOptions()))
    ['1. Add: z runs with nothing']
    """
    total = sum([1 + len(step.sent) + (step.accumulation is not None) for step in steps])
    return options.limit(_Stepper(steps).lines(), total)


class _Stepper:
    """The state of the text: the steps by node, and the gradients sent to each output so far."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self.of_node = {step.node: step for step in steps}
        self.counts = Counter(map(_title, steps))
        self.terms: dict[tuple[int, int], list[Gradient]] = {}

    def lines(self) -> Iterator[str]:
        for number, step in enumerate(self.steps, start=1):
            yield f"{number}. {self.name(step)}{_colon(_label(step))} runs with {self.received(step)}"
            for contribution in step.sent:
                yield f"{INDENT}sends {self.delivery(contribution)}"
            if step.accumulation:
                yield f"{INDENT}adds {_addition(step.accumulation, _label(step))}"

    def name(self, step: Step) -> str:
        """Return the name of a step's node, with its index if another node has the same title."""
        return f"{step.name} [{step.node}]" if self.counts[_title(step)] > 1 else step.name

    def received(self, step: Step) -> str:
        texts = []
        for output_nr, (came, ran_with) in enumerate(zip(step.came, step.ran_with, strict=True)):
            text = _sum_text(came, self.terms.pop((step.node, output_nr), []))
            if step.changed[output_nr]:
                text = f"{gradient_text(ran_with)}, changed by a hook from {text}"
            texts.append(text)
        if len(texts) == 1:
            return texts[0]
        shown = [f"{text} for output {output_nr}" for output_nr, text in enumerate(texts[:MOST_OUTPUTS])]
        if len(texts) > MOST_OUTPUTS:
            shown.append(f"and {len(texts) - MOST_OUTPUTS:,} more")
        return ", ".join(shown)

    def delivery(self, sent: Contribution) -> str:
        if sent.gradient:
            self.terms.setdefault((sent.node, sent.output_nr), []).append(sent.gradient)
        receiver = self.of_node.get(sent.node)
        if receiver is None:
            return f"{gradient_text(sent.gradient)} to [{sent.node}], which did not run"
        text = f"{gradient_text(sent.gradient)} to {self.reference(receiver, sent.output_nr)}"
        return f"{text} ({sent.arrived} of {sent.awaited})" if sent.awaited > 1 else text

    def reference(self, step: Step, output_nr: int) -> str:
        """Return the name of a leaf if that is enough, else a node with its output."""
        label = step.labels[output_nr]
        if label and step.accumulation and self.counts[_title(step)] == 1:
            return label
        output = f" output {output_nr}" if len(step.labels) > 1 else ""
        return f"{self.name(step)}{output}{_colon(label)}"


def gradient_text(gradient: Gradient | None, none: str = "nothing", digits: int = 5) -> str:
    """Return a gradient's numbers if they are few, else its shape and norm.

    >>> import torch
    >>> from lessons_src.backward.record import Gradient
    >>> gradient_text(Gradient.of(torch.tensor([[1.0, 1 / 3]]))), gradient_text(Gradient.of(torch.ones(3, 3)))
    ('[[1, 0.33333]]', '(3, 3) of norm 3')
    """
    if gradient is None:
        return none
    if gradient.values is not None:
        return _values_text(gradient.values, digits)
    shape = "(?)" if gradient.shape is None else str(tuple(gradient.shape))
    return shape if gradient.norm is None else f"{shape} of norm {_values_text(gradient.norm, digits)}"


def _values_text(values: Values, digits: int) -> str:
    if isinstance(values, list):
        return f"[{', '.join([_values_text(value, digits) for value in values])}]"
    if isinstance(values, float):
        return f"{values:.{digits}g}"
    return f"({complex(values):.{digits}g})" if values.endswith("j") else values


def _sum_text(came: Gradient | None, terms: Sequence[Gradient]) -> str:
    text = gradient_text(came)
    if len(terms) > 1:
        written_out = f"{' + '.join(map(gradient_text, terms))} = {text}"
        is_short = terms[0].values is not None and len(written_out) <= LONGEST_SUM
        return written_out if is_short else f"{text}, the sum of {len(terms):,}"
    return text


def _addition(accumulation: Accumulation, label: str) -> str:
    before, added, after = accumulation.before, accumulation.added, accumulation.after
    has_one_name = label and ", " not in label
    text = f"{gradient_text(added)} to {label if has_one_name else 'its '}.grad"
    if before is None and after == added:
        return f"{text}, which was None"
    return f"{text}: {gradient_text(before, 'None')} before, {gradient_text(after, 'None')} after"


def _label(step: Step) -> str:
    return ", ".join(filter(None, step.labels))


def _title(step: Step) -> str:
    return step.name + _colon(_label(step))


def _colon(label: str | None) -> str:
    return f": {label}" if label else ""
