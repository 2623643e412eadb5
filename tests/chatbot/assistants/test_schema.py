"""The schema by which text editors check a definition: up to date, and of one mind with the product."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from chatbot.assistants.definition import parse_assistant
from chatbot.assistants.schema import describe_definition, write_schema
from tests.conftest import ROOT

SCHEMA = ROOT / "docs" / "assistant.schema.json"
SHIPPED = sorted((ROOT / "data" / "assistants").glob("*.yaml"))


def list_faults(definition: dict[str, Any]) -> list[str]:
    """Give what a text editor would underline."""
    return [error.message for error in Draft202012Validator(describe_definition()).iter_errors(definition)]


def test_schema_is_up_to_date() -> None:
    """The file says what the model says; after a change `make assistant-schema` writes it anew."""
    assert SCHEMA.read_text(encoding="utf-8") == write_schema()
    Draft202012Validator.check_schema(describe_definition())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_definitions_fit_and_name_the_schema(path: Path) -> None:
    """Each shipped file is right by the schema, and leads a text editor to it by a relative path."""
    text = path.read_text(encoding="utf-8")
    assert list_faults(yaml.safe_load(text)) == []
    named = re.search(r"^# yaml-language-server: \$schema=(\S+)$", text, re.MULTILINE)
    assert named and (path.parent / named[1]).resolve() == SCHEMA


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"prompt": None}, "None is not of type 'string'"),
        ({"passages": 40}, "40 is greater than the maximum"),
        ({"titel": "x"}, "'titel' was unexpected"),
        ({"examples": {"de": ["x"]}}, "'de'"),
        ({"kind": "poet"}, "'poet' is not one of"),
    ],
)
def test_schema_refuses_what_the_product_refuses(change: dict[str, Any], named: str) -> None:
    """What is wrong by the product's own check is wrong in the text editor too."""
    definition = yaml.safe_load((ROOT / "data/assistants/support.yaml").read_text(encoding="utf-8")) | change
    assert any(named in fault for fault in list_faults(definition))
    with pytest.raises(ValueError, match=next(iter(change))):
        parse_assistant(yaml.safe_dump(definition), "support")


def test_one_folder_of_knowledge_needs_no_list() -> None:
    """`knowledge: billing` is right in both, and so is a list."""
    definition = {"title": {"en": "Billing"}, "prompt": "Answer."}
    for knowledge in ("billing", ["billing", "terms.md"]):
        assert list_faults(definition | {"knowledge": knowledge}) == []
        parse_assistant(yaml.safe_dump(definition | {"knowledge": knowledge}), "billing")
