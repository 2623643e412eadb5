"""Courtesies: what is nothing else, what is a question after all, and what is said."""

from __future__ import annotations

import pytest

from chatbot.assistants.definition import Assistant
from chatbot.courtesy import answer_courtesy

ASSISTANT = Assistant(
    name="tea",
    title={"en": "Tea desk", "fr": "Comptoir du thé"},
    description={"en": "Answers questions about tea.", "fr": "Répond aux questions sur le thé."},
    greeting={"en": "Ask about tea.", "fr": "Parlons de thé."},
    examples={"en": ["How hot?"], "fr": ["À quelle température ?"]},
    prompt="Answer.",
)


@pytest.mark.parametrize(
    ("message", "beginning"),
    [
        *(("hello", "Hello! Ask about tea."), ("Hi there!", "Hello!"), ("Good morning 👋", "Hello!")),
        *(("Bonjour", "Bonjour ! Parlons de thé."), ("salut, ça va ?", "Bonjour !")),
        *(("Great, thanks a lot!", "You are welcome."), ("thank you for your help", "You are welcome.")),
        *(("Merci beaucoup", "Je vous en prie."), ("d'accord, merci pour votre aide", "Je vous en prie.")),
        *(("bye", "Goodbye!"), ("Bonne journée !", "Au revoir !"), ("ok", "Ask whatever"), ("oui", "Posez")),
        *(("Who are you?", "I am a program, not a person: **Tea desk**."), ("help", "I am a program")),
        *(("Hi! What can you do?", "I am a program"), ("Que peux-tu faire ?", "Je suis un programme")),
    ],
)
def test_a_courtesy_gets_the_assistants_own_line(message: str, beginning: str) -> None:
    """Greetings, thanks, farewells, nods and questions about the assistant are answered in their own language."""
    assert answer_courtesy(message, "en", ASSISTANT).startswith(beginning)


@pytest.mark.parametrize(
    "message",
    [
        *(
            "hello world",
            "Hello, how do I log in?",
            "help me install it",
            "thanks, and on Docker?",
            "what is a nod?",
        ),
        *(
            "Bonjour, comment installer ?",
            "merci de supprimer mon compte",
            "aide en ligne",
            "so",
            "?",
            "413",
            "--help",
        ),
        *("and", "hi " * 40, "who are you talking to", "how do I say hello"),
    ],
)
def test_whatever_asks_for_more_is_a_question(message: str) -> None:
    """One word beside the courtesy, and the documents are asked."""
    assert answer_courtesy(message, "en", ASSISTANT) == ""


def test_a_yes_to_a_question_goes_on_with_the_thread() -> None:
    """A model that asked back gets its answer; thanks are thanks even then."""
    assert answer_courtesy("yes", "en", ASSISTANT, "Do you use Docker?") == ""
    assert answer_courtesy("yes", "en", ASSISTANT, "Use Docker. [1]")
    assert answer_courtesy("thanks", "en", ASSISTANT, "Do you use Docker?")


def test_the_assistant_shows_what_it_can_be_asked() -> None:
    """Whoever asks what it can do gets its examples; one that says little of itself is answered for all the same."""
    assert answer_courtesy("what can you do", "en", ASSISTANT).endswith("for example:\n\n- How hot?")
    bare = Assistant(name="bare", title={"en": "Bare"}, prompt="Answer.")
    assert answer_courtesy("help", "en", bare) == "I am a program, not a person: **Bare**."
    assert answer_courtesy("hello", "en", bare) == "Hello! What would you like to know?"
