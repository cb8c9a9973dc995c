"""A gradient's summary says what the tensor was, in values that JSON can hold."""

import json
import math
from dataclasses import asdict
from typing import Any

import pytest
import torch

from lessons_src.backward.record import SMALL, Gradient


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (torch.tensor(-2.0), Gradient([], "float32", 2.0, -2.0)),
        (torch.tensor([[1.5], [2.0]]), Gradient([2, 1], "float32", 2.5, [[1.5], [2.0]])),
        (torch.zeros(0, 3), Gradient([0, 3], "float32", 0.0, [])),
        (torch.ones(SMALL), Gradient([6], "float32", math.sqrt(6), [1.0] * 6)),
        (torch.ones(3, 3, dtype=torch.float64), Gradient([3, 3], "float64", 3.0, None)),
        (torch.tensor([3 + 4j]), Gradient([1], "complex64", 5.0, ["3+4j"])),
        (torch.tensor([3 + 4j]).conj(), Gradient([1], "complex64", 5.0, ["3-4j"])),
        (torch.tensor([math.inf, -math.inf]), Gradient([2], "float32", "inf", ["inf", "-inf"])),
        (torch.full((9,), math.nan), Gradient([9], "float32", "nan", None)),
        (torch.full((4,), 60_000.0).half(), Gradient([4], "float16", 120_000.0, [60_000.0] * 4)),
        (torch.ones(4, dtype=torch.bfloat16), Gradient([4], "bfloat16", 2.0, [1.0] * 4)),
        (torch.full((8,), 1e-30), Gradient([8], "float32", math.sqrt(8) * 1e-30, None)),
        (torch.tensor([1e20, 0.0]), Gradient([2], "float32", 1e20, [math.ldexp(11_368_684, 43), 0.0])),
        (torch.ones(2, device="meta"), Gradient([2], "float32", None, None)),
    ],
)
def test_a_summary_has_shape_dtype_norm_and_few_numbers(tensor: torch.Tensor, expected: Gradient) -> None:
    found = Gradient.of(tensor)
    assert found.norm == (pytest.approx(expected.norm) if isinstance(expected.norm, float) else expected.norm)
    assert (found.shape, found.dtype, found.values) == (expected.shape, expected.dtype, expected.values)


def test_a_sparse_tensor_is_summarised_as_the_equal_dense_one() -> None:
    twice_in_one_place = torch.sparse_coo_tensor(
        torch.tensor([[1, 1]]), torch.tensor([1.0, 2.0]), (3,), check_invariants=True
    )
    assert Gradient.of(twice_in_one_place) == Gradient([3], "float32", 3.0, [0.0, 3.0, 0.0])


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta state")
def test_a_compressed_sparse_tensor_is_summarised_as_the_equal_dense_one() -> None:
    assert Gradient.of((2 * torch.eye(3)).to_sparse_csr()) == Gradient.of(2 * torch.eye(3))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype stage")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_a_nested_tensor_has_no_shape_and_no_numbers(layout: torch.layout) -> None:
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=layout)
    assert Gradient.of(nested) == Gradient(None, "float32", None, None)


def test_every_number_comes_back_from_json() -> None:
    numbers = [math.inf, -math.inf, 0.1, 1e-300]
    values: Any = json.loads(json.dumps(asdict(Gradient.of(torch.tensor(numbers, dtype=torch.float64)))))
    assert [float(value) for value in values["values"]] == numbers
    parts = [complex(1, -2), complex(math.inf, 0)]
    strings: Any = Gradient.of(torch.tensor(parts)).values
    assert [complex(string) for string in strings] == parts


def test_a_summary_leaves_the_tensor_as_it_was() -> None:
    sparse = torch.sparse_coo_tensor(
        torch.tensor([[1, 1]]), torch.tensor([1.0, 2.0]), (3,), check_invariants=True
    )
    Gradient.of(sparse)
    assert not sparse.is_coalesced()
