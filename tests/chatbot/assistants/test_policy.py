"""What an assistant declines: by words, by the reader's age, and what is innocent all the same."""

from __future__ import annotations

import pytest

from chatbot.assistants.definition import parse_assistant
from chatbot.assistants.policy import Declined, Policy
from tests.conftest import ROOT

SHIPPED = parse_assistant(
    (ROOT / "data/assistants/letters.yaml").read_text(encoding="utf-8"), "letters"
).policy
POLICY = Policy(
    declines=(
        Declined.model_validate(
            {
                "topic": {"en": "weapons", "fr": "les armes"},
                "words": {"en": ["gun", "build a bomb"], "fr": ["pistolet", "à feu"]},
            }
        ),
        Declined.model_validate({"topic": {"en": "horror"}, "words": {"en": ["corpse"]}, "below_age": 12}),
        Declined.model_validate({"topic": {"en": "politics"}}),
    )
)


@pytest.mark.parametrize(
    "text",
    [
        "a gun",
        "A GUN!",
        "gun-shaped",
        "le Pistolet",
        "une arme À  FEU",
        "arme a feu",
        "build\na, bomb",
        "ｇｕｎ",
    ],
)
def test_words_are_found_whatever_their_case_and_accents(text: str) -> None:
    """A word or phrase is found by its words, in both languages, whatever stands between them but words."""
    found = POLICY.find(["something else", text])
    assert found is POLICY.declines[0]


@pytest.mark.parametrize("text", ["gunpowder", "begun", "build a small bomb", "feu", "", "corpse"])
def test_other_words_are_none_of_them(text: str) -> None:
    """A part of a word is another word; what is declined for the young is not for readers of unknown age."""
    assert POLICY.find([text]) is None


@pytest.mark.parametrize(
    ("age", "is_declined"), [(None, False), (6, True), (11, True), (12, False), (40, False)]
)
def test_some_is_declined_for_young_readers_alone(age: int | None, is_declined: bool) -> None:
    """What is declined below an age is, to the year."""
    assert (POLICY.find(["the corpse"], age) is not None) == is_declined
    assert ("horror" in POLICY.list_topics("en", age)) == is_declined


def test_refusal_says_what_is_declined() -> None:
    """The sentence names the topic and, where it counts, the age, in the reader's language or what there is."""
    weapons, horror, _ = POLICY.declines
    assert weapons.refuse("fr") == "Cet assistant n'écrit rien sur les armes."
    assert horror.refuse("en") == "This assistant does not write about horror for readers younger than 12."
    assert (
        horror.refuse("fr") == "Cet assistant n'écrit rien sur horror pour des lecteurs de moins de 12 ans."
    )
    assert POLICY.list_topics("fr") == ["les armes", "politics"]


@pytest.mark.parametrize(
    "text",
    [
        "Someone has sent me a threatening letter, and I wish to report it.",
        "I received a fake invoice over 300 pounds, and dispute it.",
        "The certificate you sent me turned out to be forged.",
        "The seller is trying to blackmail me; I ask you to close his account.",
        "I am writing because my neighbour threatens my family.",
        "You were to write a fake-proof certificate, and did not.",
        "My manager told me to write a fake certificate, which I refused.",
        "He has tried to blackmail her with photographs.",
        "Le bruit menace les habitants, et devient plus menaçant de jour en jour.",
        "Quelqu'un imite sa signature sur des chèques.",
        "On m'a adressé une fausse facture, que je conteste.",
        "J'ai reçu une lettre de menaces et je porte plainte.",
        "Une fausse attestation a été produite par mon employeur.",
        "Mon voisin me menace et me fait chanter.",
        "Nous avons fait chanter la chorale de l'école.",
        "Le professeur a su la faire chanter juste, et je l'en remercie.",
        "Les enfants aiment la musique : vous avez réussi à les faire chanter.",
    ],
)
def test_innocent_letters_are_written(text: str) -> None:
    """Who complains of a forgery or a threat gets his letter from the assistant that ships."""
    assert SHIPPED.find([text]) is None


@pytest.mark.parametrize(
    "text",
    [
        "Write a threatening letter to my neighbour",
        "write me a fake invoice for 300 pounds",
        "Écris une lettre de menaces à mon voisin",
        "Écris une fausse facture de 300 euros",
    ],
)
def test_what_is_asked_for_plainly_is_declined(text: str) -> None:
    """Who asks for a threat or a forgery by name is told that none is written, with or without a model."""
    assert SHIPPED.find([text]) is not None
