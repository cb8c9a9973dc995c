"""Networks and graphs that the tests and the benchmark of the autograd graph share."""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import Tensor, nn


def leaf(*shape: int) -> Tensor:
    return torch.ones(*shape, requires_grad=True)


def post_example() -> tuple[Tensor, dict[str, Tensor]]:
    """The expression of the course's source, and its names."""
    x = torch.randn((2, 2), requires_grad=False)
    a = torch.randn((2, 2), requires_grad=True)
    b = torch.randn((2, 2), requires_grad=True)
    c = torch.randn((2, 2), requires_grad=True)
    d = torch.randn((2, 2), requires_grad=True)
    e = a + b @ x
    f = c + d * x
    g = e + f @ x + d
    return a + g, {"x": x, "a": a, "b": b, "c": c, "d": d, "e": e, "f": f, "g": g}


class Block(nn.Module):
    """Two convolutions beside a short cut, as in a residual network."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        stride = width // width_in
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        narrow = nn.Sequential(nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        self.shortcut = narrow if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm1(self.conv1(x)).relu()
        h = self.norm2(self.conv2(h)) + self.shortcut(x)
        return torch.relu(h)


def resnet(blocks_each: int = 2) -> nn.Module:
    """A residual network of four stages; two blocks in each make it like ResNet-18."""
    widths = (4, 8, 16, 32)
    layers: list[nn.Module] = [nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()]
    for width_in, width in zip((4, *widths), widths, strict=False):
        layers += [Block(width_in, width), *(Block(width, width) for _ in range(blocks_each - 1))]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def resnet_loss(model: nn.Module) -> Tensor:
    """The loss of two images."""
    return nn.functional.cross_entropy(model(torch.randn(2, 3, 16, 16)), torch.tensor([1, 2]))


def transformer(layers: int) -> nn.Module:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)


def transformer_loss(model: nn.Module) -> Tensor:
    output: Tensor = model(torch.randn(2, 5, 16))
    return output.square().mean()


def doublings(count: int) -> Tensor:
    y = leaf(2)
    for _ in range(count):
        y = y + y
    return y


def chain(operations: int) -> Tensor:
    y = leaf(1)
    for _ in range(operations):
        y = y + 1
    return y


def wide(operations: int) -> Tensor:
    """A stack of as many results as half of the operations, each of a leaf and of one of a few others."""
    others = [leaf(1) for _ in range(10)]
    return torch.stack([(leaf(1) * others[i % 10]).sin() for i in range(operations // 3)]).sum()


def random_expression(seed: int, operations: int = 30) -> Tensor:
    """A random graph: each operation takes one or more of the last few results."""
    choose = random.Random(seed)
    results: list[Any] = [leaf(2), leaf(2), torch.ones(2)]
    for _ in range(operations):
        x, y = choose.choices(results[-6:], k=2)
        first, *_, last = torch.stack([x, y, x]).unbind()
        results.append(choose.choice([x + y, x * y, x.sin(), first - last, last.clone(), y[[1, 0]]]))
    return torch.stack(results).sum()
