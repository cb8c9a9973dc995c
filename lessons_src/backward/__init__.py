"""One ``backward()`` on the real graph, told step by step.

- `record`: what happened, as data.
- `steps`: what happened, as text.
- `hooks`: `record_backward`, which has PyTorch tell what happens.
"""
