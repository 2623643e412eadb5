"""What a model's answer may hold, checked while it still streams: marks such as `[2]`, addresses, the refusal's marker.

Marks are checked against the passages of the turn, addresses against those the passages hold.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from chatbot.addresses import REMOVED, drop_unknown, find_open

MARK = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
OPEN_MARK = re.compile(r"\[[\d\s,]*$")
# At the beginning of a model's answer: the passages do not hold it. Parsed here, never shown.
NO_ANSWER = "[[NOT-IN-THE-DOCUMENTS]]"
# What may become a mark or an address waits no longer than this: a text without an end would wait for ever.
LONGEST_WAIT = 4_000
_LONGEST_JOINT = 60
# Models like to emphasise, quote or fence what stands alone.
_AROUND_MARKER = " \t\r\n*_`>#\"'"


class MarkFilter:
    """Lets text through piece by piece, without what no passage of this turn stands behind.

    Code is left as it is: `list[1]` is no citation. A piece that may be the beginning of a mark, of an address or of
    the refusal's marker waits for the rest. The marker counts at the very beginning alone; anywhere else it is taken
    out. A refusal cites nothing.

    Args:
        numbers: those that may be cited; None where nothing is: `[12]` is text then, such as a reference in a letter.
        addresses: those that may be written, as `find_addresses` gives them; None for any.
    """

    def __init__(self, numbers: Collection[int] | None, addresses: Collection[str] | None = None) -> None:
        self._numbers = None if numbers is None else frozenset(numbers)
        self._addresses = addresses
        self._unread = ""
        self._waiting = ""
        self._is_start = True
        self._is_after_marker = False
        self._around: str | None = None
        self._fence = ""
        self._shown = ""
        self.cited: list[int] = []
        self.is_refusal = False

    def feed(self, text: str) -> str:
        """Take the next piece; give what can be shown by now."""
        self._waiting += self._take_marker(text)
        return self._release(is_end=False)

    def finish(self) -> str:
        """Give what still waited."""
        self._waiting += self._unread
        self._unread = ""
        return self._release(is_end=True)

    def _take_marker(self, text: str) -> str:
        """Give the text without the marker, save an end that may be the marker's beginning."""
        text = self._unread + text
        self._unread = ""
        if self._is_start:
            head = text.lstrip(_AROUND_MARKER)
            if NO_ANSWER.startswith(head[: len(NO_ANSWER)]) and len(head) < len(NO_ANSWER):
                self._unread = text
                return ""
            self._is_start = False
            if head.startswith(NO_ANSWER):
                self.is_refusal = self._is_after_marker = True
                self._numbers = frozenset()
                # Closed off only where it was opened: what follows the marker may be emphasis of its own.
                self._around = _AROUND_MARKER if text.lstrip() != head else None
                text = head[len(NO_ANSWER) :]
        if self._is_after_marker:
            text = text.lstrip(self._around)
            self._is_after_marker = not text
        # A space in its place: what stood around it must not close up to another marker.
        text = text.replace(NO_ANSWER, " ")
        if kept := _measure_beginning(text):
            self._unread = text[-kept:]
            text = text[:-kept]
        return text

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
                cut = len(prose) if is_end or len(prose) > LONGEST_WAIT else self._find_open(prose)
                shown.append(self._check_prose(prose[:cut]))
                text = prose[cut:]
                break
            run = len(text) - start - len(text[start:].lstrip("`"))
            if start + run == len(text) and not is_end:
                # The run of backticks may go on in the next piece.
                shown.append(self._check_prose(prose))
                text = text[start:]
                break
            shown.append(self._check_prose(prose) + "`" * run)
            self._fence = "`" * run
            text = text[start + run :]
        self._waiting = text
        return "".join(shown)

    def _find_open(self, prose: str) -> int:
        """Give the place from which the text has to wait for what comes next."""
        mark = OPEN_MARK.search(prose)
        place = mark.start() if mark else len(prose)
        return place if self._addresses is None else min(place, find_open(prose))

    def _check_prose(self, text: str) -> str:
        if self._addresses is not None:
            text = drop_unknown(text, self._addresses)
        checked = ""
        end = 0
        for match in MARK.finditer(text):
            checked += text[end : match.start()]
            end = match.end()
            before = (self._shown + checked)[-_LONGEST_JOINT:]
            # What stands around a mark that goes must not close up to another mark, or to the marker.
            joins = OPEN_MARK.search(before) or _measure_beginning(before)
            checked += self._check_mark(match) or (REMOVED if joins else "")
        checked += text[end:]
        self._shown = (self._shown + checked)[-_LONGEST_JOINT:]
        return checked

    def _check_mark(self, match: re.Match[str]) -> str:
        if self._numbers is None:
            return match[0]
        known = [number for number in map(int, match[1].split(",")) if number in self._numbers]
        self.cited += [number for number in known if number not in self.cited]
        return "".join(f"[{number}]" for number in known)


def _measure_beginning(text: str) -> int:
    """Give how many characters at the end of a text are the beginning of the refusal's marker."""
    if "[" not in text[1 - len(NO_ANSWER) :]:
        return 0
    sizes = range(min(len(text), len(NO_ANSWER) - 1), 0, -1)
    return next((size for size in sizes if text.endswith(NO_ANSWER[:size])), 0)


class _Quotation(MarkFilter):
    """Rewrites what reads like a mark in a document: in an answer it would mean a passage."""

    def _check_mark(self, match: re.Match[str]) -> str:
        return f"({match[1]})"


def quote_material(text: str) -> str:
    """Give a document's text for the prompt: without the refusal's marker, its own `[1]` as `(1)`; code as it is."""
    quotation = _Quotation(())
    return quotation.feed(text) + quotation.finish()


def strip_marks(text: str) -> str:
    """Take the marks out of an earlier answer: its numbers mean other passages than today's."""
    return MARK.sub("", text)
