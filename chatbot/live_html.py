"""The HTML of an answer that is still being written: what has ended is rendered once, not at every look."""

from __future__ import annotations

import time
from collections.abc import Collection

from chatbot.markup import parse, render_html

LEAST_INTERVAL_S = 0.1
# Of one core, for all answers in the making together; the model's pieces have to be read beside it.
SHARE = 0.1


class LiveHtml:
    """Renders a text that only grows, as `render_html` renders it whole.

    By CommonMark a block at the top level is final once another has begun; only a link's definition, `[name]: address`,
    reaches back over it. A text that may hold one is rendered whole.

    Args:
        citations: as of `render_html`.
    """

    def __init__(self, citations: Collection[int] = ()) -> None:
        self._citations = citations
        self._ended = 0
        self._html = ""
        self._lines = 0
        self.cost_s = 0.0

    def render(self, text: str) -> str:
        """Give the HTML of the text so far; it begins with the text of the call before."""
        started = time.perf_counter()
        rendered = self._render(text)
        self.cost_s = time.perf_counter() - started
        return rendered

    def _render(self, text: str) -> str:
        if "]:" in text or "\r" in text:
            return render_html(text, self._citations)
        lines = text.count("\n")
        if lines > self._lines:
            self._lines = lines
            self._end_blocks(text[self._ended :])
        return self._html + render_html(text[self._ended :], self._citations)

    def _end_blocks(self, text: str) -> None:
        """Keep the HTML of the blocks before the last one."""
        begun = [token.map for token in parse(text) if token.level == 0 and token.nesting >= 0]
        # Text that is shown as it is, for its length or its depth, has no lines.
        if len(begun) < 2 or begun[-1] is None:
            return
        size = sum(len(line) + 1 for line in text.split("\n")[: begun[-1][0]])
        self._html += render_html(text[:size], self._citations)
        self._ended += size


def choose_interval(cost_s: float, answers: int) -> float:
    """Give the seconds between two renderings of an answer.

    Args:
        cost_s: seconds that one takes; on a busy machine more, and all of them wait longer.
        answers: how many are being written.
    """
    return max(LEAST_INTERVAL_S, cost_s * answers / SHARE)
