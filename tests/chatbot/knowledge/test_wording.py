"""Two wordings are one question only where nothing of the meaning differs."""

from __future__ import annotations

import pytest

from chatbot.knowledge.wording import normalize_wording
from chatbot.text import LANGUAGES, detect_language


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I enable the web UI?", "how can I enable web UI"),
        ("How to reset the password?", "How do you reset your passwords ?"),
        ("What's the default port?", "What is the default port"),
        ("Comment activer l’interface web ?", "comment activer l'interface web"),
        ("Est-ce que Teapot écoute en IPv6 ?", "Teapot ecoute en IPv6 ?"),
        ("Where is `TEAPOT_PORT` set?", "where is TEAPOT_PORT set"),
    ],
)
def test_same_question_in_other_words_of_grammar(one: str, other: str) -> None:
    """Case, accents, punctuation, articles, auxiliaries and endings make no other question."""
    language = detect_language(one)
    assert normalize_wording(one, language) == normalize_wording(other, language) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I enable the kettle?", "How do I disable the kettle?"),
        ("How do I install with Docker?", "How do I install without Docker?"),
        ("How do I migrate from MySQL to PostgreSQL?", "How do I migrate from PostgreSQL to MySQL?"),
        ("Can I use the kettle?", "Must I use the kettle?"),
        ("How do I start the server?", "Why do I start the server?"),
        ("How do I start the server?", "How do I start the server on Docker?"),
        ("Does it work?", "Does it not work?"),
        ("What is error 413?", "What is error 418?"),
        ("Comment démarrer avec Docker ?", "Comment démarrer sans Docker ?"),
        ("Comment activer le mode veille ?", "Comment désactiver le mode veille ?"),
        ("What is a?", "What is b?"),
    ],
)
def test_near_miss_is_another_question(one: str, other: str) -> None:
    """A word more, less or other, a negation, another order or question word: not the same question."""
    for language in LANGUAGES:
        assert normalize_wording(one, language) != normalize_wording(other, language)


@pytest.mark.parametrize("text", ["", "?", "\u200b", "the", "a" * 5000])
def test_any_text_has_a_wording(text: str) -> None:
    """Nothing asked, or something endless, is compared without an error."""
    assert all(isinstance(normalize_wording(text, language), str) for language in LANGUAGES)
