"""Text: cleaning, folding, terms, sentences, languages, estimated tokens."""

from __future__ import annotations

import pytest

from chatbot.text import (
    clean_text,
    detect_language,
    estimate_tokens,
    fold,
    is_blank,
    split_sentences,
    stem_words,
    strip_html,
    tokenize,
)


def test_clean_text_composes_and_drops_what_cannot_be_stored() -> None:
    """Text becomes NFC without NUL and lone surrogates; all else stays, white space and zero-width joiners too."""
    assert clean_text("e\u0301\x00 \ud800\t👩\u200d💻\r\n") == "é \t👩\u200d💻\r\n"


def test_clean_text_composes_across_what_it_removed() -> None:
    """Cleaning twice changes nothing more."""
    assert clean_text("e\x00\u0301") == "é"


@pytest.mark.parametrize(
    "text", ["", " \n\t", "\u200b\u200d\ufeff", "\u00a0\u3164\u2800", "\ufe0f\U000e0041", "\x00"]
)
def test_text_that_shows_nothing_is_blank(text: str) -> None:
    """White space, zero-width, format, filler and control characters alone are blank."""
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", " . ", "\u200bة", "👍\ufe0f", "0"])
def test_text_that_shows_something_is_not_blank(text: str) -> None:
    """One visible character is enough."""
    assert not is_blank(text)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ÉLÈVE", "eleve"),
        ("Cœur Ægir Łódź smørrebrød", "coeur aegir lodz smorrebrod"),
        ("Straße", "strasse"),
        ("ﬁle ① Ｗ", "file 1 w"),
        ("ΆΛΦΑ Ёлка", "αλφα елка"),
        ("हिन्दी ไทย", "हिन्दी ไทย"),
    ],
)
def test_fold_takes_away_case_accents_and_ligatures(text: str, folded: str) -> None:
    """Folding loses what readers do not type; vowel signs of other scripts are letters and stay."""
    assert fold(text) == folded


def test_words_of_one_stem_give_one_term() -> None:
    """English words are stemmed and stop words dropped."""
    assert tokenize("How are the backups restored?", "en") == tokenize("restoring a backup", "en")[::-1]


def test_french_elisions_and_accents_do_not_hide_a_word() -> None:
    """`l'adresse` and `d’adresses` are the word `adresse`; with and without accents is the same."""
    assert tokenize("l'adresse", "fr") == tokenize("d’adresses", "fr")
    assert tokenize("déconnexion", "fr") == tokenize("deconnexion", "fr")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("`USE_ANTIBOT`", {"use_antibot", "antibot"}),
        ("--dry-run", {"dry-run", "run"}),
        ("413", {"413"}),
        ("v1.6.2", {"v1.6.2"}),
        ("busyTimeout", {"busytimeout", "timeout"}),
    ],
)
def test_identifiers_are_found_whole_and_by_their_parts(text: str, terms: set[str]) -> None:
    """An identifier gives itself, unstemmed, and its parts."""
    assert terms <= set(tokenize(text, "en"))


@pytest.mark.parametrize(
    ("text", "language", "terms"),
    [
        ("Qu'est-ce que Guichet ?", "fr", "Guichet"),
        ("Y a-t-il une limite ?", "fr", "limite"),
        ("Où voient-ils, que peut-on et comment dois-je ?", "fr", "voient dois"),
        ("an up-to-date plug-in", "en", "date plug"),
    ],
)
def test_words_that_hyphens_join_to_a_stop_word_are_no_identifier(
    text: str, language: str, terms: str
) -> None:
    """An inverted pronoun names nothing that documents could be found by; what is left are the other words."""
    assert tokenize(text, language) == tokenize(terms, language)


@pytest.mark.parametrize("name", ["no_proxy", "v1-is-2", "is-admin.conf"])
def test_a_stop_word_in_a_technical_name_does_not_break_it(name: str) -> None:
    """Names with digits, underscores or points are no ordinary language."""
    assert name in tokenize(name, "en")


def test_a_question_in_another_language_loses_the_function_words_of_both() -> None:
    """English function words are no rare words of the French documents, and French ones are none either."""
    question = "What is the capital of Mongolia? C'est quoi"
    assert tokenize(question, "fr", "en") == tokenize("capital Mongolia", "fr")


def test_html_tags_are_no_words() -> None:
    """Only what a reader sees of HTML is searched."""
    assert tokenize('<span class="wide">port</span>&nbsp;x9', "en") == ["port", "x9"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I lift a ban?", "en"),
        ("which port", "en"),
        ("Comment lever un bannissement ?", "fr"),
        ("quel port utiliser", "fr"),
        ("Who was Jacques Chirac?", "en"),
    ],
)
def test_the_language_of_a_short_question_is_told(text: str, language: str) -> None:
    """A question of a few words is enough."""
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", "413", "`bonjour tout le monde`", "!?"])
def test_text_without_words_has_the_default_language(text: str) -> None:
    """Numbers, code and signs tell no language."""
    assert detect_language(text, default="fr") == "fr"
    assert detect_language(text, default="en") == "en"


def test_sentences_end_neither_in_code_nor_at_abbreviations() -> None:
    """A full stop in a code span or after an abbreviation does not end a sentence."""
    text = "Run `a. B` first, e.g. This one (cf. Dr. Who). Then stop!  \n*Well.* L'été finit. Élan"
    assert split_sentences(text) == [
        "Run `a. B` first, e.g. This one (cf. Dr. Who).",
        "Then stop!",
        "*Well.*",
        "L'été finit.",
        "Élan",
    ]


def test_html_is_stripped_from_a_heading() -> None:
    """Tags go, entities become their characters, white space is collapsed."""
    assert strip_html("Step&nbsp;2 <img src='x'> (<i>PRO</i>)  a < b") == "Step 2 (PRO) a < b"


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_tokens_are_estimated_by_four_characters(text: str, tokens: int) -> None:
    """Characters / 4, rounded up."""
    assert estimate_tokens(text) == tokens


@pytest.mark.parametrize(
    ("word", "language"), [("ldap", ""), ("mysql", ""), ("sauvegarde", "fr"), ("backup", "en")]
)
def test_a_single_word_tells_its_language_only_when_it_is_plain(word: str, language: str) -> None:
    """A name looks like either language by chance: one word has to be surer than a sentence."""
    assert detect_language(word, default="") == language


def test_words_are_stemmed_in_order_with_their_function_words() -> None:
    """Phrases are compared by all their words: "log in" is not "log"."""
    assert stem_words("Logging in with the Wi-Fi", "en") == ["log", "in", "with", "the", "wi", "fi"]
