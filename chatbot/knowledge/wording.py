"""When two questions are the same: what may differ between them, and nothing else."""

from __future__ import annotations

import re

from chatbot.text import fold, tokenize

_WORD = re.compile(r"\w+(?:[-_.:/]+\w+)*")

# Articles, pronouns of the speaker, auxiliaries without a meaning of their own, politeness. Everything else stays,
# question words, negations and prepositions too: "with" and "without", "how" and "why" make two questions of one.
_ENGLISH_GRAMMAR = """
a an the i we you me us my our your do does did is are was were be been am s d m re ve ll please there hello hi thanks
"""
_FRENCH_GRAMMAR = """
un une des le la les l de du d je j nous vous on mon ma mes notre nos votre vos est sont etait ce c qu que svp plait s
il te t bonjour merci a-t-il
"""
# Beside "how" these say no more than it does: how can I, how should one, how to.
_ENGLISH_MODALS = "can could should would may might shall will to must"
_FRENCH_MODALS = "peut peux puis pouvons peuvent pourrais pourrait dois doit devons faut"
_GRAMMAR = {"en": frozenset(_ENGLISH_GRAMMAR.split()), "fr": frozenset(_FRENCH_GRAMMAR.split())}
_MODALS = {"en": frozenset(_ENGLISH_MODALS.split()), "fr": frozenset(_FRENCH_MODALS.split())}
_HOW = {"en": "how", "fr": "comment"}


def normalize_wording(question: str, language: str) -> str:
    """Give what is left of a question when nothing of its meaning is taken away, to be compared within one language.

    Case, accents, punctuation and endings of words are left out, and articles and auxiliaries. The order stays, for
    "from A to B" is not "from B to A"; so do all other words: a wording that has one more is another question.

    Args:
        language: `en` or `fr`, the one the wordings are in.
    """
    words = [match[0] for match in _WORD.finditer(question)]
    plain = [fold(word) for word in words]
    dropped = _GRAMMAR[language] | (_MODALS[language] if _HOW[language] in plain else frozenset())
    kept: list[str] = []
    for word, folded in zip(words, plain, strict=True):
        # Words of two parts such as "est-ce" are grammar where their parts are; identifiers stay whole.
        if folded in dropped or all(part in dropped for part in folded.split("-")):
            continue
        terms = tokenize(word, language)
        kept.append(terms[0] if terms else folded)
    return " ".join(kept) or " ".join(plain)
