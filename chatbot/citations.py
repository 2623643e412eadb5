"""Marks such as `[2]` in an answer: checked against the passages of the turn while the text still streams."""

from __future__ import annotations

import re
from collections.abc import Collection

MARK = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
OPEN_MARK = re.compile(r"\[[\d\s,]*$")
# At the beginning of a model's answer: the passages do not hold it. Parsed here, never shown.
NO_ANSWER = "[[NOT-IN-THE-DOCUMENTS]]"


class MarkFilter:
    """Lets text through piece by piece, without the marks that no passage of this turn stands behind.

    Code is left as it is: `list[1]` is no citation. A piece that may be the beginning of a mark, or of the refusal's
    marker, waits for the rest.
    """

    def __init__(self, numbers: Collection[int]) -> None:
        self._numbers = frozenset(numbers)
        self._waiting = ""
        self._is_start = True
        self._is_after_marker = False
        self._fence = ""
        self.cited: list[int] = []
        self.is_refusal = False

    def feed(self, text: str) -> str:
        """Take the next piece; give what can be shown by now."""
        self._waiting += text
        if self._is_start:
            head = self._waiting.lstrip()
            if NO_ANSWER.startswith(head[: len(NO_ANSWER)]) and len(head) < len(NO_ANSWER):
                return ""
            self._is_start = False
            if head.startswith(NO_ANSWER):
                self.is_refusal = self._is_after_marker = True
                self._waiting = head[len(NO_ANSWER) :]
        if self._is_after_marker:
            self._waiting = self._waiting.lstrip()
            self._is_after_marker = not self._waiting
        return self._release(is_end=False)

    def finish(self) -> str:
        """Give what still waited."""
        return self._release(is_end=True)

    def _release(self, *, is_end: bool) -> str:
        text = self._waiting
        shown: list[str] = []
        while text:
            if self._fence:
                end = text.find(self._fence)
                is_inline = len(self._fence) < 3
                paragraph = text.find("\n\n") if is_inline else -1
                if paragraph >= 0 and not 0 <= end < paragraph:
                    # Code within a line does not outlast its paragraph: the backtick was a character.
                    shown.append(text[:paragraph])
                    text, self._fence = text[paragraph:], ""
                    continue
                if end < 0:
                    waiting_for = 1 if is_inline and text.endswith("\n") else len(self._fence) - 1
                    kept = 0 if is_end else min(len(text), waiting_for)
                    shown.append(text[: len(text) - kept])
                    text = text[len(text) - kept :]
                    break
                end += len(self._fence)
                shown.append(text[:end])
                text, self._fence = text[end:], ""
                continue
            start = text.find("`")
            prose = text if start < 0 else text[:start]
            if start < 0:
                waiting = None if is_end else OPEN_MARK.search(prose)
                cut = waiting.start() if waiting else len(prose)
                shown.append(self._check_marks(prose[:cut]))
                text = prose[cut:]
                break
            run = len(text) - start - len(text[start:].lstrip("`"))
            if start + run == len(text) and not is_end:
                # The run of backticks may go on in the next piece.
                shown.append(self._check_marks(prose))
                text = text[start:]
                break
            shown.append(self._check_marks(prose) + "`" * run)
            self._fence = "`" * run
            text = text[start + run :]
        self._waiting = text
        return "".join(shown)

    def _check_marks(self, text: str) -> str:
        return MARK.sub(self._check_mark, text)

    def _check_mark(self, match: re.Match[str]) -> str:
        known = [number for number in map(int, match[1].split(",")) if number in self._numbers]
        self.cited += [number for number in known if number not in self.cited]
        return "".join(f"[{number}]" for number in known)


def strip_marks(text: str) -> str:
    """Take the marks out of an earlier answer: its numbers mean other passages than today's."""
    return MARK.sub("", text)
