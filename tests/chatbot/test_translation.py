"""What the office and the writers are told is wrong is said in French too."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from chatbot.translation import translate, translate_fault, translate_place
from tests.conftest import ROOT

# Where sentences for the office are raised, and how.
MODULES = (
    *sorted((ROOT / "chatbot" / "office").glob("*.py")),
    *(ROOT / "chatbot" / "assistants" / f"{name}.py" for name in ("definition", "form", "source", "wording")),
    *(ROOT / "chatbot" / "workshop" / f"{name}.py" for name in ("faults", "assistants", "templates")),
    *(
        ROOT / "chatbot" / "store" / f"{name}.py"
        for name in ("drafts", "story_prompts", "templates", "versions")
    ),
    *(ROOT / "chatbot" / f"{name}.py" for name in ("accounts", "roles")),
)
RAISED = {
    *("BrokenTemplate", "ValueError", "InvalidRequest", "EditConflict", "NotPermitted", "UnknownPrompt"),
    *("SecurityError", "_fault", "_refuse", "_refuse_twice", "_unpaired"),
}


def write_part(part: ast.expr, *, is_first: bool) -> str:
    """Give a piece of a sentence, an x for a value; the beginning of a line's sentence is its line."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    is_line = is_first and isinstance(part, ast.FormattedValue) and getattr(part.value, "id", "") == "line"
    return "line 7: " if is_line else "x"


def write_sample(node: ast.expr) -> str | None:
    """Give what an expression says, with an x where a value will stand; None where it is no sentence."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(write_part(part, is_first=not place) for place, part in enumerate(node.values))
    return None


def list_sentences() -> Iterator[tuple[str, str]]:
    """Give every sentence that is raised, by its module."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED:
                for argument in node.args:
                    said = write_sample(argument)
                    if said and " " in said:
                        yield path.name, said


@pytest.mark.parametrize(("module", "sentence"), [*list_sentences()])
def test_every_sentence_has_its_french(module: str, sentence: str) -> None:
    """No sentence is raised in English alone."""
    said = translate_fault(sentence, "fr")
    assert said not in (sentence, ""), module
    assert translate_fault(sentence, "en") == sentence


@pytest.mark.parametrize(
    ("line", "french"),
    [
        (
            "line 3: documents.0.text.fr: line 1 of it: unexpected '}'",
            "ligne 3 : documents.0.text.fr : à sa ligne 1 : '}' n'est pas attendu ici",
        ),
        (
            "line 2: not YAML: could not find expected ':'",
            "ligne 2 : ce n'est pas du YAML : un deux-points manque",
        ),
        (
            "data/a.yaml: line 1: titel: Extra inputs are not permitted",
            "data/a.yaml : ligne 1 : titel : il n'y a pas de champ de ce nom",
        ),
        (
            "line 4: form.0.default: default: “x” is not a number.",
            "ligne 4 : form.0.default : default : « x » n'est pas un nombre.",
        ),
        (
            "line 4: kind: Input should be 'documentation', 'writer' or 'story'",
            "ligne 4 : kind : les valeurs permises sont 'documentation', 'writer' et 'story'",
        ),
        (
            "line 9: form.0.max_length: Input should be greater than or equal to 1",
            "ligne 9 : form.0.max_length : 1 au moins",
        ),
    ],
)
def test_fault_of_a_definition_keeps_line_field_and_value(line: str, french: str) -> None:
    """What is wrong is said in French; line, field and value stay as they are written."""
    assert translate_fault(line, "fr") == french


@pytest.mark.parametrize(
    ("sentence", "french"),
    [
        (
            "It holds a macro (VBA project). Take it out and save the file again.",
            "Il contient une macro (projet VBA). Retirez cela et enregistrez le fichier à nouveau.",
        ),
        (
            "There is no field naem. Did you mean name? There are: day, name.",
            "Il n'y a pas de champ naem. Vouliez-vous dire name ? Il y a : day, name.",
        ),
        (
            "There is no if that it belongs to: they stand in one paragraph. Write both with {%p, each alone in a "
            "paragraph, or with {%tr, each alone in a row.",
            "Il n'y a pas de if auquel elle appartienne : les deux se trouvent dans un même paragraphe. Écrivez les "
            "deux avec {%p, chacune seule dans un paragraphe, ou avec {%tr, chacune seule dans une ligne.",
        ),
        (
            "It cannot be read: expected token 'end of print statement', got 'x'.",
            "Il est illisible : la fin du champ est attendu à la place de 'x'.",
        ),
        (
            "ben added version 3 of letter since you began. Look at it, then add yours again.",
            "ben a ajouté la version 3 de letter depuis que vous avez commencé. Regardez, puis ajoutez la "
            "vôtre à nouveau.",
        ),
        ("Nobody ever said this.", "Nobody ever said this."),
    ],
)
def test_sentence_within_a_sentence_is_french_too(sentence: str, french: str) -> None:
    """Pieces that are sentences themselves are translated; what is not known stays as it is."""
    assert translate(sentence, "fr") == french


def test_place_in_a_file_is_said_in_french() -> None:
    """A place is counted in the reader's words; names of sheets and cells stay."""
    assert (
        translate_place("header 1, table 1, row 2, cell 1", "fr")
        == "en-tête 1, tableau 1, ligne 2, cellule 1"
    )
    assert translate_place("sheet “Costs”, cell B2", "fr") == "feuille “Costs”, cellule B2"
    assert translate_place("paragraph 3", "en") == "paragraph 3"
