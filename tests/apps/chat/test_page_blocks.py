"""What goes to the browser is what Gradio would send, without its looking at outputs that stay."""

from __future__ import annotations

import inspect
from copy import deepcopy
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from apps.chat.page_blocks import PageBlocks, spare_lookups


def build(kind: type[gr.Blocks]) -> gr.Blocks:
    """Build a page of three outputs and one function."""
    with kind(analytics_enabled=False) as page:
        outputs = [gr.Markdown("a"), gr.Textbox("b"), gr.Button("c")]
        outputs[2].click(lambda: None, None, outputs, api_name="change")
    return page


async def process(page: gr.Blocks, changes: dict[int, Any] | tuple[Any, ...]) -> list[Any]:
    """Have a page take what its function gave, by the outputs' places where it is a dictionary."""
    (function,) = page.fns.values()
    outputs = list(function.outputs)
    given = (
        {outputs[place]: value for place, value in changes.items()} if isinstance(changes, dict) else changes
    )
    return await page.postprocess_data(function, given, SessionState(page))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {0: "  new"},
        {1: "x", 2: "y"},
        {2: gr.update(value="y", interactive=False)},
        {0: "", 1: gr.update(placeholder="p"), 2: "z"},
        ("x", gr.update(), "z"),
    ],
)
async def test_update_is_gradios_own(changes: dict[int, Any] | tuple[Any, ...]) -> None:
    """Whatever a handler gives, in either form, the browser gets the same as from Gradio's blocks."""
    # Gradio takes the value out of an update that it is given.
    ours = await process(build(PageBlocks), deepcopy(changes))
    assert ours == await process(build(gr.Blocks), deepcopy(changes))


async def test_outputs_that_stay_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """No component is made anew for an output that a handler does not name."""
    page = build(PageBlocks)
    (function,) = page.fns.values()
    state = SessionState(page)
    made: list[object] = []
    for kind in (gr.Markdown, gr.Textbox, gr.Button):
        monkeypatch.setattr(kind, "__init__", lambda self, **_: made.append(self))
    data = await page.postprocess_data(function, {next(iter(function.outputs)): "new"}, state)  # type: ignore[arg-type]
    assert data == ["new", {"__type__": "update"}, {"__type__": "update"}]
    assert made == []


async def test_spared_lookups_change_nothing() -> None:
    """The page's settings, and the signatures they are read by, are the same without looking them up again."""
    page = build(PageBlocks)
    before, signature = page.get_config_file(), inspect.signature(gr.Textbox.__init__)
    spare_lookups(page)
    assert page.get_config_file() == before
    assert inspect.signature(gr.Textbox.__init__) == signature
    with pytest.raises(ImportError):
        import matplotlib  # noqa: F401
