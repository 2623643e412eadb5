"""Keeps what a reasoning model writes to itself out of its answer.

Some servers of local models give the reasoning in the text itself, between `<think>` and `</think>` before the answer
(DeepSeek-R1, Qwen 3 and others, by their chat templates). Others give it apart, where nobody reads it.
"""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class ThoughtFilter:
    """Lets a text through piece by piece, without a block of thoughts at its very beginning."""

    def __init__(self) -> None:
        self._waiting = ""
        self._is_start = True
        self._is_thinking = False

    def feed(self, text: str) -> str:
        """Take the next piece; give what is not a thought."""
        if not self._is_start and not self._is_thinking:
            return text
        self._waiting += text
        if self._is_start:
            head = self._waiting.lstrip()
            if len(head) < len(OPEN) and OPEN.startswith(head):
                return ""
            self._is_start = False
            self._is_thinking = head.startswith(OPEN)
            if not self._is_thinking:
                return self._release(self._waiting)
        end = self._waiting.find(CLOSE)
        if end < 0:
            # Only an end that may be the beginning of the block's own is needed again.
            self._waiting = self._waiting[1 - len(CLOSE) :]
            return ""
        self._is_thinking = False
        return self._release(self._waiting[end + len(CLOSE) :].lstrip())

    def finish(self) -> str:
        """Give what still waited: the beginning of a text that ended before it could be told from a thought."""
        return "" if self._is_thinking else self._release(self._waiting)

    def _release(self, text: str) -> str:
        self._waiting = ""
        return text


def strip_thoughts(text: str) -> str:
    """Give a whole text without its thoughts."""
    thoughts = ThoughtFilter()
    return thoughts.feed(text) + thoughts.finish()
