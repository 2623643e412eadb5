"""A template is what its name says, and names only fields that there are."""

from __future__ import annotations

import pytest

from chatbot.errors import BrokenTemplate
from chatbot.office.template import read_template
from tests.chatbot.office.files import make_document, make_workbook, replace_in

FIELDS = ("recipient_name", "recipient_address", "place", "date")


def test_kind_fields_and_file_are_told() -> None:
    """Both kinds are read; the file is kept as it came."""
    word, excel = (
        make_document("{{ place }}{{ date }}"),
        make_workbook({"A1": "{{ date }}", "A2": "{{ place }}"}),
    )
    template = read_template(word, "Lettre.DOCX", FIELDS)
    assert (template.kind, template.fields, template.data) == ("docx", ("place", "date"), word)
    template = read_template(excel, "facture.xlsx", FIELDS)
    assert (template.kind, template.fields) == ("xlsx", ("date", "place"))
    assert read_template(make_document("no fields"), "a.docx", ()).fields == ()


@pytest.mark.parametrize(
    "filename", ["a.docm", "a.xlsm", "a.doc", "a.dotx", "a.odt", "docx", "", "a.docx.exe"]
)
def test_wrong_ending_is_refused(filename: str) -> None:
    """Only .docx and .xlsx are taken."""
    with pytest.raises(BrokenTemplate, match=r"has to end in \.docx or \.xlsx"):
        read_template(make_document("x"), filename)


def test_ending_has_to_be_true() -> None:
    """A workbook under a document's name is refused, and says what it is."""
    with pytest.raises(BrokenTemplate, match=r"ends in \.docx, but it is a \.xlsx"):
        read_template(make_workbook({"A1": "x"}), "a.docx")


def test_unknown_field_gets_a_hint() -> None:
    """A field that the form has not is refused with the nearest name and all there are."""
    with pytest.raises(BrokenTemplate) as caught:
        read_template(make_document("ok", "{{ recipient_nam }}"), "a.docx", FIELDS)
    assert str(caught.value) == (
        "a.docx, paragraph 2, {{ recipient_nam }}: There is no field recipient_nam. Did you mean recipient_name? "
        "There are: date, place, recipient_address, recipient_name."
    )
    assert (caught.value.code, caught.value.place, caught.value.field) == (
        *("broken_template", "paragraph 2", "{{ recipient_nam }}"),
    )
    with pytest.raises(BrokenTemplate, match=r"no field zzz\. There are"):
        read_template(make_workbook({"A1": "{{ zzz }}"}), "a.xlsx", FIELDS)


@pytest.mark.parametrize("paragraphs", [["{{ a }} " * 2_001], ["{{ a }}"] * 2_001])
def test_fields_are_so_many_at_most(paragraphs: list[str]) -> None:
    """A file of thousands of fields is refused."""
    with pytest.raises(BrokenTemplate, match="more than 2,000 fields"):
        read_template(make_document(*paragraphs), "a.docx")


@pytest.mark.parametrize(
    "text", ["{" * 1_000_000, "{{ a }} " * 100_000, "{# " * 100_000, "{% if a %}" * 2_000]
)
def test_hostile_text_is_judged_soon(text: str) -> None:
    """What looks like a million fields is refused, or taken for text, without trying them all."""
    if text.startswith("{# "):
        assert read_template(make_document(text), "a.docx").fields == ()
        return
    with pytest.raises(BrokenTemplate):
        read_template(make_document(text), "a.docx")


def test_statements_lie_in_one_another_so_deep_at_most() -> None:
    """Eleven conditions in one another are refused."""
    with pytest.raises(BrokenTemplate, match="More than 10 statements"):
        read_template(make_document("{% if a %}" * 11 + "{% endif %}" * 11), "a.docx")
    assert read_template(make_document("{% if a %}" * 10 + "{% endif %}" * 10), "a.docx").fields == ("a",)


def test_template_is_tried_before_it_is_taken() -> None:
    """What is torn where no field stands, but would break the filling, is refused too."""
    torn = replace_in(make_workbook({"A1": "{{ a }}"}), "xl/worksheets/sheet1.xml", 'r="A1"', 'r="A1" s="x"')
    with pytest.raises(BrokenTemplate, match=r"a\.xlsx: It cannot be filled \(ValueError\)"):
        read_template(torn, "a.xlsx")
    long = make_workbook({"A1": "x" * 20_000 + "{{ a }}"})
    assert read_template(long, "a.xlsx").fields == ("a",)


def test_name_of_the_file_is_shown_in_one_line() -> None:
    """A file's name is somebody else's text: it neither breaks the line nor fills the page."""
    with pytest.raises(BrokenTemplate) as caught:
        read_template(b"x", "a\n\x00" + "b" * 500 + ".docx")
    assert str(caught.value).startswith("a " + "b" * 118 + ": ")
