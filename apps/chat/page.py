"""The Gradio page: its layout, what is wired to what, and how it is mounted.

Conversations are rendered on the server (`page_html`), travel as the value of hidden Markdown components and are put
into the page by the scripts of `assets/page`, one scope in the order of their names, which keep what the tester
opened, marked or typed. `gr.HTML` is not used: it compiles its template with `Function`, which a content security
policy without `unsafe-eval` forbids.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from apps.chat.desk import Desk, Fields
from apps.chat.page_blocks import PageBlocks, spare_lookups
from apps.chat.page_frame import ASSETS, render_foot, render_ledge, render_login, render_side, render_stage
from apps.chat.services import Services
from apps.chat.texts import say

__all__ = ["PAGE_OPTIONS", "build_page", "render_login"]

SYSTEM_FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
MONO_FONT = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")
# Quick events (stop, agree, start afresh) need places beside the answers being written.
SPARE_PLACES = 50


def build_page(services: Services) -> gr.Blocks:
    """Build the page and wire it to a desk."""
    title = services.assistants.default.say(services.assistants.default.title, services.settings.language)
    page = PageBlocks(title=title, analytics_enabled=False, fill_width=True)
    with page:
        fields, triggers = _lay_out()
        _wire(page, Desk(services, fields), fields, triggers)
    spare_lookups(page)
    places = services.settings.max_streams + SPARE_PLACES
    # The queue runs at most `max_threads` events at once, whatever their own limits say.
    page.max_threads = places
    page.queue(api_open=False, max_size=2 * places, default_concurrency_limit=places)
    return page


@dataclass(frozen=True, slots=True)
class Triggers:
    """Hidden fields that the script fills in, and buttons that it presses then."""

    again: gr.Textbox
    again_send: gr.Button
    wanted: gr.Textbox
    wanted_send: gr.Button


def _lay_out() -> tuple[Fields, Triggers]:
    with gr.Row(elem_id="topbar"):
        brand = _markdown("brand")
    _markdown("side", render_side())
    _markdown("stage", render_stage())
    log, turn, left = (_markdown(name, classes="feed") for name in ("feed-log", "feed-turn", "feed-left"))
    with gr.Column(elem_id="counter"):
        alert = _markdown("alert")
        _markdown("ledge", render_ledge())
        with gr.Column(elem_id="notice"):
            notice = _markdown("notice-text")
            accept = gr.Button(say("en", "accept"), elem_id="accept", variant="primary")
        with gr.Row(elem_id="composer"):
            box = gr.Textbox(label=say("en", "ask"), elem_id="box", lines=1, max_lines=8, autofocus=True)
            send = gr.Button(say("en", "send"), elem_id="send", variant="primary")
            stop = gr.Button(say("en", "stop"), elem_id="stop")
        _markdown("foot", render_foot())
    thread = _hide("thread")
    triggers = Triggers(
        _hide("again"), _hide_button("again-send"), _hide("wanted"), _hide_button("wanted-send")
    )
    return Fields(brand, log, turn, left, alert, notice, box, thread, send, stop, accept), triggers


def _wire(page: gr.Blocks, desk: Desk, fields: Fields, triggers: Triggers) -> None:
    # Several may run: an answer goes on while another conversation is read. The script sends one question at a time.
    options: dict[str, Any] = {
        "show_progress": "hidden",
        "api_visibility": "private",
        "trigger_mode": "multiple",
    }
    answering = [fields.log, fields.turn, fields.allowance, fields.alert, fields.thread]
    dressing = [fields.brand, fields.notice, fields.box, fields.send, fields.stop, fields.accept]
    page.load(desk.open_page, None, [*answering, *dressing], **options)
    # What feeds the transcript is as the script wants it: Gradio would look for its indentation, in another thread.
    feeding = options | {"postprocess": False}
    gr.on([fields.send.click, fields.box.submit], desk.ask, [fields.box, fields.thread], answering, **feeding)
    triggers.again_send.click(desk.ask_again, [triggers.again, fields.thread], answering, **feeding)
    triggers.wanted_send.click(desk.open_thread, [triggers.wanted], answering, **feeding)
    fields.stop.click(desk.stop, [fields.thread], [fields.alert], **options)
    fields.accept.click(desk.accept_notice, None, [fields.notice, fields.alert], **options)


def _hide(name: str) -> gr.Textbox:
    return gr.Textbox(elem_id=name, visible="hidden", label=name)


def _hide_button(name: str) -> gr.Button:
    return gr.Button(name, elem_id=name, visible="hidden")


def _markdown(element: str, value: str = "", classes: str | None = None) -> gr.Markdown:
    """Place a component that shows our own HTML as it is: all of it is sanitized or escaped on the server."""
    return gr.Markdown(
        value,
        elem_id=element,
        elem_classes=classes,
        sanitize_html=False,
        latex_delimiters=[],
        container=False,
    )


def _make_theme() -> gr.themes.Base:
    """Give a theme without fonts from elsewhere, on the colours of `assets/page.css`."""
    theme = gr.themes.Base(font=SYSTEM_FONT, font_mono=MONO_FONT)
    return theme.set(
        body_background_fill="#f6f4ef",
        body_background_fill_dark="#111618",
        body_text_color="#1b2326",
        body_text_color_dark="#ecefee",
    )


def _make_head(folder: Path) -> str:
    """Give style and script inline: they are there with the page, without a path of their own to guard."""
    style = (folder / "page.css").read_text(encoding="utf-8")
    parts = [path.read_text(encoding="utf-8") for path in sorted((folder / "page").glob("*.js"))]
    script = "\n".join(['(() => {"use strict";', *parts, "})();"])
    return f"<style>{style}</style><script>{script}</script>"


PAGE_OPTIONS: dict[str, Any] = {
    "theme": _make_theme(),
    "head": _make_head(ASSETS),
    "favicon_path": str(ASSETS / "favicon.svg"),
    "footer_links": [],
    "run_history": False,
    "show_error": False,
    "ssr_mode": False,
    "mcp_server": False,
    "enable_monitoring": False,
    "pwa": False,
    "allowed_paths": [],
    "max_file_size": 1,
}
