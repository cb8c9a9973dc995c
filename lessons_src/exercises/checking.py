"""Make the check of an exercise from a judge of its answer."""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps
from inspect import signature
from numbers import Real
from traceback import walk_stack
from typing import TYPE_CHECKING, Any, ParamSpec

import torch
from torch.autograd.forward_ad import unpack_dual
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")


_NOTHING = "put your answer in place of `...`, and run this block again."
_ASKS_ONCE = "`if`, like Python's `max`, asks once, and a tensor may hold several numbers: use `torch.where`."
_STILL_OFF = "recording is still off after it. Use `with torch.no_grad():`, which turns it on again."
_CHANGED = "your function changes the data that it is given. Make new tensors: `y - p`, not `y -= p`."
# What a check's own `backward()` may say, with what is to be done about it.
_IN_BACKWARD = {
    "second time": "your answer goes back through its graph itself. Leave `backward()` to the check.",
    "inplace operation": "your answer changes, in place, what `backward()` needs. Make a new tensor.",
}

IN_PLACE = "Update with `-=`, inside `with torch.no_grad():`."
NO_GRAD_YET = (
    "`.grad` is None before `backward()` has filled it, in the new tensor that `p = p - …` makes, in a part "
    f"of a parameter, and where `requires_grad=True` is missing. {IN_PLACE}"
)
NO_WAY_BACK = (
    "The loss has no way back to the parameters. Are they made with `requires_grad=True`, is the loss "
    "computed outside `no_grad`, and are they changed by `-=`?"
)
AGAIN = (
    "the second `backward()` goes back through the graph of the first. Compute the prediction and the loss "
    "anew in each step."
)
# What the errors of a training loop say, with what is to be done about them.
_IN_STEP = {
    "NoneType": NO_GRAD_YET,
    "does not require grad": NO_WAY_BACK,
    "leaf Variable": IN_PLACE,
    "is a view and its base": (
        "`a, b = p` gives views of `p`, and each step changes `p`. Take new ones in each step."
    ),
    "attribute 'zero'": "The names of what changes a tensor in place end in `_`.",
    "attribute 'zero_grad'": "An optimiser has `zero_grad()`. What a tensor has to clear is its `.grad`.",
}
_OPTIMISER = "an optimiser of PyTorch makes your steps. Write them yourself."


class Hint(Exception):  # noqa: N818  # it is no error of the program
    """What is wrong with an answer, and where to look; never the answer itself."""


def check(judge: Callable[P, None]) -> Callable[P, None]:
    """Return a check, which prints `Right.`, or `Not yet:` and the hint that `judge` raises.

    An answer that is still `...` is not judged. Whatever it does, the check does not raise; PyTorch's random
    numbers that come after it are the same as without it, and operations are recorded as before it.

    Examples:
        >>> from lessons_src.exercises.checking import Hint, check
        >>> @check
        ... def check_root(answer):
        ...     if answer * answer != 4:
        ...         raise Hint(f"the square of {answer} is {answer * answer}, and it must be 4.")
        >>> check_root(...)
        Not yet: put your answer in place of `...`, and run this block again.
        >>> check_root(3)
        Not yet: the square of 3 is 9, and it must be 4.
        >>> check_root(-2)
        Right.
    """

    asked = signature(judge)

    @wraps(judge)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        is_recording = torch.is_grad_enabled()
        try:
            if any(answer is ... for answer in (*args, *kwargs.values())):
                raise Hint(_NOTHING)  # noqa: TRY301
            try:
                asked.bind(*args, **kwargs)
            except TypeError as error:
                call = f"{judge.__name__}({', '.join(asked.parameters)})"
                raise Hint(f"call it as {call}: {error}.") from None
            with torch.random.fork_rng(devices=[]):
                judge(*args, **kwargs)
        except Hint as hint:
            print(f"Not yet: {hint}")
        except Exception as error:  # noqa: BLE001  # an answer can be anything
            print(f"Not yet: {_why_not_judged(error)}")
        else:
            print("Right.")
        finally:
            torch.set_grad_enabled(is_recording)

    return checked


def _why_not_judged(error: Exception) -> str:
    text = _said(error)
    known = [hint for words, hint in _IN_BACKWARD.items() if words in text]
    return known[0] if known else f"your answer cannot be judged: {text}."


def _said(error: Exception) -> str:
    """Return the class of an error and the first line of its message."""
    try:
        text = str(error).split("\n")[0].rstrip(".")
    except Exception:  # noqa: BLE001  # a class of the learner's
        text = ""
    return f"{type(error).__name__}: {text or 'no message'}"


def ask(function: Callable[..., Any], *arguments: Any, shown: str | None = None, returns: bool = True) -> Any:
    """Return what the learner's `function` returns; raise `Hint` if it raises, or returns nothing yet.

    A hint shows the call. `shown` replaces it: the whole call, or its arguments in brackets. Data, which are
    tensors that require no gradient, must stay as they are.

    Examples:
        >>> from lessons_src.exercises.checking import ask
        >>> ask(abs, -3)
        3
        >>> ask(abs, "x")
        Traceback (most recent call last):
        lessons_src.exercises.checking.Hint: abs('x') raises TypeError: bad operand type for abs(): 'str'.
    """
    if not callable(function):
        raise Hint(f"the answer must be a function, not {function!r}. Give its name without brackets.")
    call = shown or f"({', '.join(map(repr, arguments))})"
    if call.startswith("("):
        call = getattr(function, "__name__", "your function") + call
    given = [each.clone() if _is_data(each) else each for each in arguments]
    is_recording = torch.is_grad_enabled()
    try:
        answer = function(*given)
        left_off = is_recording and not torch.is_grad_enabled()
    except Exception as error:
        text = _said(error)
        if "Boolean value of Tensor" in text:
            raise Hint(_ASKS_ONCE) from error
        raise Hint(f"{call} raises {text}.") from error
    finally:
        torch.set_grad_enabled(is_recording)
    if answer is ...:
        raise Hint(_NOTHING)
    if left_off:
        raise Hint(_STILL_OFF)
    if any(_is_data(was) and not torch.equal(was, now) for was, now in zip(arguments, given, strict=True)):
        raise Hint(_CHANGED)
    if answer is None and returns:
        raise Hint(f"{call} returns None; let it return your answer.")
    return answer


def _is_data(argument: object) -> bool:
    return isinstance(argument, torch.Tensor) and not argument.requires_grad


_READ_GRAD: Any = vars(torch._C.TensorBase)["grad"].__get__  # noqa: SLF001


class Steps(TorchFunctionMode):
    """Notes, while it is active, whether gradients are asked for, and which functions call PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        self.went_back = False
        self.callers: set[tuple[str, str]] = set()  # a module's name and a function's

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # Whichever way one goes back, one reads `.grad`, or calls `grad`.
        self.went_back |= func in {_READ_GRAD, torch.autograd.grad}
        # A subclass, a wrapper or another name hides what is called, but not from the stack.
        for frame, _ in walk_stack(None):
            self.callers.add((frame.f_globals.get("__name__", ""), frame.f_code.co_name))
        return func(*args, **(kwargs or {}))


@contextmanager
def own_steps() -> Iterator[Steps]:
    """Raise `Hint` if an optimiser of PyTorch makes the steps that are asked for inside."""
    with Steps() as steps:
        yield steps
    if any(module.startswith("torch.optim.") and name == "step" for module, name in steps.callers):
        raise Hint(_OPTIMISER)


@contextmanager
def cures() -> Iterator[None]:
    """Add to a hint on an error in a training loop what is to be done about it."""
    try:
        yield
    except Hint as hint:
        told = str(hint)
        if "second time" in told:
            raise Hint(AGAIN) from hint.__cause__
        for words, cure in _IN_STEP.items():
            if words in told:
                raise Hint(f"{told} {cure}") from hint.__cause__
        raise


def is_followed(w: torch.Tensor) -> bool:
    """Return whether autograd follows `w`, backwards or forwards."""
    return w.requires_grad or unpack_dual(w).tangent is not None  # type: ignore[no-untyped-call]


def number(answer: object) -> float:
    """Return the number that `answer` is, or the one that it contains if it is a tensor; else raise `Hint`.

    Examples:
        >>> import torch
        >>> from lessons_src.exercises.checking import number
        >>> number(torch.tensor([2.5]))
        2.5
    """
    if isinstance(answer, torch.Tensor) and answer.numel() == 1:
        answer = answer.item()
    if not isinstance(answer, Real):
        kind = (
            f"a tensor of shape {tuple(answer.shape)}" if isinstance(answer, torch.Tensor) else repr(answer)
        )
        raise Hint(f"the answer must be one number, not {kind}.")
    return float(answer)


def near(value: object, other: object, within: float = 1e-4) -> bool:
    """Return whether two numbers, tuples of numbers or tensors differ by little, as `torch.allclose` does.

    Examples:
        >>> from lessons_src.exercises.checking import near
        >>> near((1.0, 2.0), (1.0, 2.1), within=0.1), near(float("nan"), 1.0)
        (True, False)
    """
    one, two = (torch.as_tensor(each, dtype=torch.float64) for each in (value, other))
    return torch.allclose(one, two, rtol=within, atol=within)
