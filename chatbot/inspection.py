"""Lets what a model writes through sentence by sentence, unless it holds what the policy declines for this reader."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from chatbot.assistants.policy import Declined, Policy
from chatbot.prompts import clean_material

# A sentence is seen whole before it is shown; a text without an end would wait for ever.
LONGEST_SENTENCE = 1_000
# As far back as a phrase that goes on over the end of a sentence may have begun.
_CONTEXT = 200
_END = re.compile(r"[.!?…][\"'”’»)\]*_]*\s|\n")
_SPACE = re.compile(r"\s")
_EMPHASIS = re.compile(r"[*_~`]+")


class Inspection:
    """Looks at a text while it grows; `declined` is what was found, after which nothing more is let through.

    Args:
        age: of the reader; None where it is not known.
        stop: called once something is found: what comes after it need not be written.
    """

    def __init__(self, policy: Policy, age: int | None, stop: Callable[[], None] = lambda: None) -> None:
        self._policy = Policy(declines=tuple(item for item in policy.declines if item.applies(age)))
        self._age = age
        self._stop = stop
        self._waiting = ""
        self._shown = ""
        self.declined: Declined | None = None

    def feed(self, text: str) -> str:
        """Take the next piece; give the whole sentences that can be shown by now."""
        self._waiting += text
        return self._release(self._find_end())

    def finish(self) -> str:
        """Give what still waited."""
        return self._release(len(self._waiting))

    def _find_end(self) -> int:
        if not self._policy.declines:
            return len(self._waiting)
        end = max((match.end() for match in _END.finditer(self._waiting)), default=0)
        if len(self._waiting) - end > LONGEST_SENTENCE:
            spaces = [match.end() for match in _SPACE.finditer(self._waiting)]
            end = spaces[-1] if spaces and spaces[-1] > end else len(self._waiting)
        return end

    def _release(self, end: int) -> str:
        ready, self._waiting = self._waiting[:end], self._waiting[end:]
        if self.declined or not ready:
            return ""
        self.declined = self._policy.find([see(self._shown + ready)], self._age)
        if self.declined:
            self._stop()
            return ""
        tail = (self._shown + ready)[-_CONTEXT:]
        # From a whole word on: the end of one may read like another.
        self._shown = tail if len(self._shown + ready) <= _CONTEXT else tail.partition(" ")[2]
        return ready


def see(text: str) -> str:
    """Give the words of a text as its reader sees them: what is invisible, emphasis and entities may part a word."""
    return _EMPHASIS.sub("", html.unescape(clean_material(text)))
