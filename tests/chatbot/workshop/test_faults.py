"""The faults of a definition, one by one."""

from __future__ import annotations

import pytest

from chatbot.errors import WrongDefinition
from chatbot.workshop.faults import Fault, read_definition, read_faults


def find_faults(text: str) -> list[Fault]:
    """Give what is wrong with a definition."""
    with pytest.raises(WrongDefinition) as raised:
        read_definition(text, "support")
    return read_faults(raised.value.faults)


def test_fault_is_known_by_field_and_line() -> None:
    """A fault deep in a form names the way to it."""
    text = "kind: story\ntitle: {en: A}\nprompt: x\nform:\n  - name: a\n    label: {}\n"
    (fault,) = find_faults(text)
    assert (fault.field, fault.line) == ("form.0.label", 6)
    assert fault.is_at("form") and fault.is_at("form.0.label") and not fault.is_at("form.0.lab")


def test_text_that_is_no_yaml_has_one_fault_with_its_line() -> None:
    """What cannot be read at all is a fault without a field."""
    (fault,) = find_faults("title: {en: A}\nprompt: [x\n")
    assert fault.field == "" and fault.line == 3 and "not YAML" in fault.reason


def test_field_that_is_missing_is_named() -> None:
    """A field that has to be there is a fault at its own name."""
    assert [fault.field for fault in find_faults("passages: 3\n")] == ["title", "prompt"]
