"""Record one ``backward()`` on the real graph, step by step.

- `record`: the steps as data.
- `steps`: the steps as text. `drawing`: the same as the picture of the graph.
- `hooks`: `record_backward`, which collects them through PyTorch's hooks.
"""
