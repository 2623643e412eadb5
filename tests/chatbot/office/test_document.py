"""Word templates: fields wherever text stands, statements around paragraphs and rows, faults with their place."""

from __future__ import annotations

import io
from datetime import date

import pytest
from docx import Document
from docx.document import Document as WordDocument
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn

from chatbot.errors import BrokenTemplate, InvalidRequest
from chatbot.office.fill import fill_template
from tests.chatbot.office.files import (
    add_part,
    add_relationship,
    fill_docx,
    list_paragraphs,
    make_document,
    read_docx,
    read_parts,
    replace_in,
)

HOSTILE = '</w:t></w:r><w:p>&amp; <b>"{{ place }}{% if x %}{_{ ]]>'


def add_rows(*rows: tuple[str, str]) -> bytes:
    """Give a document with a table of two columns."""

    def change(document: WordDocument) -> None:
        table = document.add_table(0, 2)
        for texts in rows:
            for cell, text in zip(table.add_row().cells, texts, strict=True):
                cell.text = text

    return make_document(change=change)


def list_rows(document: WordDocument) -> list[list[str]]:
    """Give the texts of the first table."""
    return [[cell.text for cell in row.cells] for row in document.tables[0].rows]


def test_fields_come_in_order_of_appearance() -> None:
    """Body first, then headers and footers; each name once."""

    def change(document: WordDocument) -> None:
        document.add_table(1, 1).cell(0, 0).text = "{{ amount }}{{ place }}"
        document.sections[0].header.paragraphs[0].text = "{{ sender_name }}"
        document.sections[0].footer.paragraphs[0].text = "{{ reference }}"

    data = make_document("{{ place }}, {{ date }}", "{{ place }}", change=change)
    assert read_docx(data).fields == ("place", "date", "amount", "sender_name", "reference")


def test_values_stand_where_the_fields_stood() -> None:
    """Body, table, header and footer are filled; the rest of the text is untouched."""

    def change(document: WordDocument) -> None:
        document.add_table(1, 1).cell(0, 0).text = "Sum: {{ amount }}"
        document.sections[0].header.paragraphs[0].text = "From {{ sender_name }}"
        document.sections[0].footer.paragraphs[0].text = "Page of {{ sender_name }}"

    filled = fill_docx(
        make_document("In {{ place }}!", change=change), place="Lyon", amount=12, sender_name="A"
    )
    assert list_paragraphs(filled) == ["In Lyon!"]
    assert list_rows(filled) == [["Sum: 12"]]
    section = filled.sections[0]
    assert (section.header.paragraphs[0].text, section.footer.paragraphs[0].text) == ("From A", "Page of A")


def test_torn_field_is_joined() -> None:
    """A field split over runs, as word processors do, is one; it has the looks of where it began."""

    def change(document: WordDocument) -> None:
        paragraph = document.add_paragraph("Dear ")
        for number, piece in enumerate(("{", "{ recip", "ient", "_name }", "}, hello")):
            paragraph.add_run(piece).bold = number < 2

    paragraph = fill_docx(make_document(change=change), recipient_name="Anne").paragraphs[0]
    assert paragraph.text == "Dear Anne, hello"
    assert [run.text for run in paragraph.runs if run.bold and run.text] == ["Anne"]


def test_value_never_becomes_markup_or_a_field() -> None:
    """Whatever a value holds is shown as its characters; fields in it are not filled."""
    filled = fill_docx(make_document("Said: {{ text }}", "{{ place }}"), text=HOSTILE, place="Lyon")
    assert list_paragraphs(filled) == [f"Said: {HOSTILE}", "Lyon"]


def test_lines_become_lines() -> None:
    """Line ends of any kind are line breaks, tabs are tabs; control characters go."""
    filled = fill_docx(
        make_document("A {{ text }} B"), text="one\r\ntwo\x0bthree\u2028four\tx\x00\x07\x1b\ufffe!\ud800"
    )
    paragraph = filled.paragraphs[0]
    assert paragraph.text == "A one\ntwo\nthree\nfour\tx! B"
    xml = paragraph._p.xml
    assert (xml.count("<w:br/>"), xml.count("<w:tab/>")) == (3, 1)


def test_missing_value_is_empty() -> None:
    """A field without a value leaves nothing behind, and values without a field are left out."""
    assert list_paragraphs(fill_docx(make_document("[{{ a }}{{ b }}]"), b="x", unknown="y")) == ["[x]"]


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "1 March 2026 12.5 3 yes no"), ("fr", "1er mars 2026 12,5 3 oui non")],
)
def test_values_are_written_in_the_language(language: str, text: str) -> None:
    """Dates, numbers, yes and no are words of the language."""
    data = make_document("{{ day }} {{ price }} {{ whole }} {{ yes }} {{ no }}")
    day = date(2026, 3, 1)
    filled = fill_docx(data, language=language, day=day, price=12.5, whole=3.0, yes=True, no=False)
    assert list_paragraphs(filled) == [text]


def test_statements_within_a_paragraph() -> None:
    """The branch that holds stays with its looks; the others go."""

    def change(document: WordDocument) -> None:
        paragraph = document.add_paragraph("{% if tone == “formal” %}Dear {{ name }}{% elif urgent %}")
        paragraph.add_run("Hey!").bold = True
        paragraph.add_run(
            "{% else %}Hi{% endif %}, hello{% for x in items | lines %} <{{ x }}>{% endfor %}.{# note #}"
        )

    data = make_document(change=change)
    assert read_docx(data).fields == ("tone", "name", "urgent", "items")
    assert fill_docx(data, tone="formal", name="Anne").paragraphs[0].text == "Dear Anne, hello."
    urgent = fill_docx(data, urgent=True, items="a\nb").paragraphs[0]
    assert urgent.text == "Hey!, hello <a> <b>."
    assert [run.text for run in urgent.runs if run.bold] == ["Hey!"]
    assert fill_docx(data).paragraphs[0].text == "Hi, hello."


def test_statements_around_paragraphs() -> None:
    """A statement alone in its paragraph goes with it, and takes or repeats those between."""
    data = make_document(
        "{%p if urgent %}", "Urgent!", "{%p if again %}", "Again!", "{%p endif %}",
        "{%p else %}", "Calm.", "{%p endif %}",
        "{%p for x in items | lines %}", "{{ loop.index }}/{{ loop.length }}: {{ x }}", "{%p endfor %}", "End",
    )  # fmt: skip
    assert list_paragraphs(fill_docx(data, urgent=True, again=True)) == ["Urgent!", "Again!", "End"]
    assert list_paragraphs(fill_docx(data, items="a\nb")) == ["Calm.", "1/2: a", "2/2: b", "End"]


def test_rows_are_repeated() -> None:
    """A loop around a table's rows writes one for each line, in order, and none for none."""
    data = add_rows(
        ("No", "Item"),
        ("{%tr for item in items | lines %}", ""),
        ("{{ loop.index }}", "{{ item }}"),
        ("{%tr endfor %}", ""),
    )
    assert list_rows(fill_docx(data, items="tea\n=coffee")) == [
        ["No", "Item"],
        ["1", "tea"],
        ["2", "=coffee"],
    ]
    assert list_rows(fill_docx(data)) == [["No", "Item"]]


def test_table_without_rows_goes() -> None:
    """Word refuses a table without rows, and a cell without a paragraph: neither is left."""
    data = add_rows(("{%tr if a %}", ""), ("x", "y"), ("{%tr endif %}", ""))
    assert fill_docx(data).tables == []

    def change(document: WordDocument) -> None:
        cell = document.add_table(1, 1).cell(0, 0)
        cell.text = "{%p if a %}"
        for text in ("x", "{%p endif %}"):
            cell.add_paragraph(text)

    cell = fill_docx(make_document(change=change)).tables[0].cell(0, 0)
    assert [paragraph.text for paragraph in cell.paragraphs] == [""]


def test_text_boxes_and_notes_are_filled() -> None:
    """A field in a text box is a field, with its place."""
    box = (
        f'<w:r {nsdecls("w")}><w:pict><v:shape xmlns:v="urn:schemas-microsoft-com:vml"><v:textbox><w:txbxContent>'
        "<w:p><w:r><w:t>{{ slogan }}</w:t></w:r></w:p></w:txbxContent></v:textbox></v:shape></w:pict></w:r>"
    )
    data = make_document(
        "Above", change=lambda document: document.add_paragraph("Box: ")._p.append(parse_xml(box))
    )
    filled = fill_docx(data, slogan="Tea & more")
    assert [text.text for text in filled.element.iter(qn("w:t"))] == ["Above", "Box: ", "Tea & more"]
    with pytest.raises(BrokenTemplate, match=r"text box in paragraph 2, \{\{ Slogan \}\}"):
        read_docx(replace_in(data, "word/document.xml", "{{ slogan }}", "{{ Slogan }}"))


@pytest.mark.parametrize(
    ("paragraphs", "fault"),
    [
        (["ok", "Dear {{ Nom }}"], "paragraph 2, {{ Nom }}: Nom is no name"),
        (["{{ a"], "paragraph 1, {{ a: A field that {{"),
        (["{{ a }", "}"], "paragraph 1, {{ a }"),
        (
            ["x {% if a %}", "y", "{% endif %}"],
            "paragraph 1, {% if a %}: There is no endif to it: they stand in one",
        ),
        (["{% endif %}"], "paragraph 1, {% endif %}: There is no if"),
        (["{%p if a %}", "x"], "paragraph 1, {%p if a %}: There is no endif"),
        (["{%p if a %}", "x", "{%p endfor %}"], "paragraph 3, {%p endfor %}: There is no for"),
        (["{%p if a %}", "{%p else %}", "{%p else %}", "{%p endif %}"], "paragraph 3, {%p else %}: An else"),
        (["{%p if a %} x", "{%p endif %}"], "paragraph 1, {%p if a %}: It takes its paragraph away"),
        (["{%tr if a %}"], "paragraph 1, {%tr if a %}: It stands in no table"),
    ],
)
def test_fault_names_its_place(paragraphs: list[str], fault: str) -> None:
    """A wrong field or statement is named with the file and the paragraph, as the author counts."""
    with pytest.raises(BrokenTemplate) as caught:
        read_docx(make_document(*paragraphs))
    assert f"letter.docx, {fault}" in str(caught.value)


def test_fault_in_a_table_names_the_cell() -> None:
    """Table, row and cell are counted from 1; so are headers."""
    with pytest.raises(BrokenTemplate, match=r"table 1, row 2, cell 2, \{\{ B \}\}"):
        read_docx(add_rows(("a", "b"), ("c", "{{ B }}")))
    with pytest.raises(BrokenTemplate, match=r"table 1, row 1, cell 1.*takes its table row away"):
        read_docx(add_rows(("{%tr if a %}", "lost"), ("{%tr endif %}", "")))

    def change(document: WordDocument) -> None:
        document.sections[0].header.paragraphs[0].text = "{{ Big }}"

    with pytest.raises(BrokenTemplate, match=r"header 1, paragraph 1, \{\{ Big \}\}"):
        read_docx(make_document(change=change))


def test_statement_around_two_cells_is_refused() -> None:
    """What is opened in one cell is not closed in the next: the row would lose one."""
    with pytest.raises(BrokenTemplate, match=r"cell 1, \{% if a %\}: There is no endif"):
        read_docx(add_rows(("{% if a %}x", "y{% endif %}")))


@pytest.mark.parametrize(
    "code",
    [
        'DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe "/k calc"',
        ' dde Excel "x"',
        "INCLUDETEXT http://evil.example/",
        "INCLUDEPICTURE http://evil.example/p.png",
        "MACROBUTTON Run here",
        "LINK Excel.Sheet",
        "QUOTE 68 68 69",
        "",
    ],
)
def test_code_of_the_word_processor_is_refused(code: str) -> None:
    """Codes that fetch or run something are refused, however they are torn over runs."""

    def change(document: WordDocument) -> None:
        paragraph = document.add_paragraph()
        half = len(code) // 2
        for xml in (
            '<w:fldChar w:fldCharType="begin"/>',
            f"<w:instrText>{code[:half].replace('&', '&amp;')}</w:instrText>",
            f"<w:instrText>{code[half:]}</w:instrText>",
            '<w:fldChar w:fldCharType="end"/>',
        ):
            paragraph._p.append(parse_xml(f"<w:r {nsdecls('w')}>{xml}</w:r>"))

    with pytest.raises(BrokenTemplate, match="code of the word processor is not allowed"):
        read_docx(make_document(change=change))


def test_harmless_code_stays() -> None:
    """Page numbers are the word processor's own business."""
    simple = f'<w:fldSimple {nsdecls("w")} w:instr=" PAGE  \\* MERGEFORMAT "/>'
    data = make_document(
        "{{ a }}", change=lambda document: document.add_paragraph()._p.append(parse_xml(simple))
    )
    assert "PAGE" in fill_docx(data, a="x").element.xml


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("word/document.xml", "<w:p>", '<w:p><w:del><w:r><w:delText>{{ a }}</w:delText></w:r></w:del>'),
        ("word/document.xml", "<w:p>", '<w:p><w:bookmarkStart w:id="1" w:name="{{ a }}"/>'),
        ("docProps/core.xml", "</cp:coreProperties>", "<dc:x>{% if a %}</dc:x></cp:coreProperties>"),
    ],
)  # fmt: skip
def test_field_that_would_not_be_filled_is_refused(part: str, old: str, new: str) -> None:
    """A field in deleted text, a description or the file's properties would stay as it is: it is refused."""
    with pytest.raises(BrokenTemplate, match=r"Move it|Take it out"):
        read_docx(replace_in(make_document("text"), part, old, new))


def test_comment_with_a_field_is_refused() -> None:
    """Comments are not filled."""
    comments = b'<w:comments xmlns:w="http://x"><w:t>{{ a }}</w:t></w:comments>'
    data = add_relationship(make_document("x"), "word/document.xml", "comments", "comments.xml", "Internal")
    with pytest.raises(BrokenTemplate, match=r"word/comments\.xml, \{\{ a \}\}"):
        read_docx(add_part(data, "word/comments.xml", comments))


def test_only_what_has_fields_changes() -> None:
    """Every other part of the file is the template's, byte by byte; twice filled is twice the same."""
    data = make_document("{{ a }}")
    template = read_docx(data)
    first = fill_template(template, {"a": "x"})
    assert fill_template(template, {"a": "x"}) == first
    before, after = read_parts(data), read_parts(first)
    assert list(after) == list(before)
    assert [name for name in before if before[name] != after[name]] == ["word/document.xml"]


def test_document_has_an_end() -> None:
    """Neither a long value nor long lists in a long body make a file without end."""
    with pytest.raises(InvalidRequest, match=r"field a has 50,001 characters"):
        fill_docx(make_document("{{ a }}"), a="x" * 50_001)
    with pytest.raises(InvalidRequest, match="values are too long"):
        fill_docx(make_document(*["{{ a }}"] * 41), a="x" * 50_000)
    body = ["word " * 3] * 250
    with pytest.raises(InvalidRequest, match="lists are too long"):
        fill_docx(make_document("{%p for x in a | lines %}", *body, "{%p endfor %}"), a="x\n" * 500)
    with pytest.raises(InvalidRequest, match="no number"):
        fill_docx(make_document("{{ a }}"), a=float("nan"))


def test_copies_in_a_loop_are_told_apart() -> None:
    """What may be in a document once is not repeated: bookmarks and the numbers of drawings."""
    drawing = (
        f'<w:r {nsdecls("w")}><w:drawing><wp:inline {nsdecls("wp")}><wp:docPr id="7" name="Picture"/></wp:inline>'
        "</w:drawing></w:r>"
    )
    mark = f'<w:bookmarkStart {nsdecls("w")} w:id="1" w:name="here"/>'

    def change(document: WordDocument) -> None:
        document.add_paragraph("{%p for x in a | lines %}")
        paragraph = document.add_paragraph("{{ x }}")
        paragraph._p.append(parse_xml(drawing))
        paragraph._p.append(parse_xml(mark))
        document.add_paragraph("{%p endfor %}")

    xml = fill_docx(make_document(change=change), a="one\ntwo\nthree").element.xml
    assert [f'id="{number}" name="Picture"' in xml for number in (1, 2, 3, 7)] == [True, True, True, False]
    assert "bookmarkStart" not in xml


def test_filled_document_opens_again() -> None:
    """What comes out is itself a document that could be read as a template without fields."""
    filled = fill_template(read_docx(make_document("{{ a }}")), {"a": "plain"})
    assert read_docx(filled).fields == ()
    assert list_paragraphs(Document(io.BytesIO(filled))) == ["plain"]
