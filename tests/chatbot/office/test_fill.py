"""Filled files open in LibreOffice and show what they were filled with."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
from docx.document import Document as WordDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Cm, Pt, RGBColor
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.worksheet import Worksheet

from chatbot.office.fill import fill_template
from chatbot.office.template import read_template
from tests.chatbot.office.files import make_document, make_workbook

VALUES = {
    "recipient_name": "Fournisseur & Fils <SARL>",
    "recipient_address": "12, rue de l’Église\n69001 Lyon",
    "place": "Lyon",
    "date": date(2026, 3, 1),
    "subject": "Résiliation de l’abonnement n° 4711",
    "body": "Madame, Monsieur,\n\nje vous prie de résilier mon abonnement.\n\n=1+1 n’est pas une formule.",
    "formal": True,
    "enclosures": "copie du contrat\ncopie de la facture\nrelevé",
    "price": 120.5,
    "quantity": 3,
}


def make_letter() -> bytes:
    """Give a letter's template: torn fields, a table of rows, statements, header and footer."""

    def change(document: WordDocument) -> None:
        section = document.sections[0]
        section.header.paragraphs[0].text = "Maison Dupont · {{ place }}"
        section.footer.paragraphs[0].text = "Réf. {{ reference | default('sans') }}"
        section.left_margin = section.right_margin = Cm(2.5)
        paragraph = document.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        for piece in ("{", "{ recipient", "_name }}"):
            run = paragraph.add_run(piece)
            run.bold, run.font.size, run.font.color.rgb = True, Pt(13), RGBColor(0x0B, 0x6E, 0x6E)
        document.add_paragraph("{{ recipient_address }}").alignment = WD_ALIGN_PARAGRAPH.RIGHT
        document.add_paragraph("{{ place }}, le {{ date }}")
        document.add_paragraph().add_run("Objet : {{ subject }}").bold = True
        document.add_paragraph("{{ body }}")
        document.add_paragraph("{%p if formal %}")
        document.add_paragraph("Veuillez agréer, Madame, Monsieur, mes salutations distinguées.")
        document.add_paragraph("{%p else %}")
        document.add_paragraph("À bientôt !")
        document.add_paragraph("{%p endif %}")
        table = document.add_table(4, 2, style="Table Grid")
        rows = (
            ("N°", "Pièce jointe"),
            ("{%tr for piece in enclosures | lines %}", ""),
            ("{{ loop.index }}", "{{ piece | capitalize }}{% if not loop.last %} ;{% else %}.{% endif %}"),
            ("{%tr endfor %}", ""),
        )
        for cells, texts in zip(table.rows, rows, strict=True):
            for cell, text in zip(cells.cells, texts, strict=True):
                cell.text = text

    return make_document(change=change)


def make_invoice() -> bytes:
    """Give an invoice's template: styles, merged cells, formulas, a chart, a page header."""

    def change(sheet: Worksheet) -> None:
        sheet.merge_cells("A1:C1")
        sheet["A1"].font = Font(bold=True, size=16, color="FFFFFF")
        sheet["A1"].fill = PatternFill("solid", fgColor="0B6E6E")
        sheet["A1"].alignment = Alignment(horizontal="center")
        for cell in sheet["A5:C6"][0]:
            cell.border = Border(bottom=Side(style="thin"))
        for place in ("B6", "C6", "C7"):
            sheet[place].number_format = '#,##0.00 "€"'
        sheet["B3"].number_format = "yyyy-mm-dd"
        sheet.row_dimensions[1].height = 24
        for column, width in (("A", 34), ("B", 16), ("C", 18)):
            sheet.column_dimensions[column].width = width
        sheet.oddHeader.center.text = "Facture {{ recipient_name }}"
        sheet.page_setup.orientation = "landscape"
        chart = BarChart()
        chart.add_data(Reference(sheet, min_col=2, max_col=3, min_row=6, max_row=7))
        sheet.add_chart(chart, "A9")

    return make_workbook(
        {
            "A1": "Facture pour {{ recipient_name }}",
            "A2": "{{ recipient_address }}",
            "A3": "{{ place }}, le {{ date }}",
            "B3": "{{ date }}",
            "A5": "Objet",
            "B5": "Prix",
            "C5": "Total",
            "A6": "{{ subject }} × {{ quantity }}",
            "B6": "{{ price }}",
            "C6": "=B6*B7",
            "A7": "=SUM(B6:B7)",
            "B7": "{{ quantity }}",
            "C7": "=C6*1.2",
        },
        change,
    )


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the texts of all filled files, as LibreOffice lays them out; one start of it for all.

    `OFFICE_PICTURES` names a folder that gets the PDF files too, for whoever wants to look at them.
    """
    folder = tmp_path_factory.mktemp("office")
    sources = {"letter.docx": make_letter(), "invoice.xlsx": make_invoice()}
    for name, data in sources.items():
        template = read_template(data, name)
        (folder / name).write_bytes(fill_template(template, VALUES, language="fr"))
        stem, _, ending = name.partition(".")
        (folder / f"{stem}_empty.{ending}").write_bytes(fill_template(template, {}))
    subprocess.run(
        [
            *("soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless"),
            *("--convert-to", "pdf", "--outdir", str(folder)),
            *map(str, sorted(folder.glob("*.*"))),
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    if pictures := os.environ.get("OFFICE_PICTURES"):
        for path in folder.glob("*.pdf"):
            shutil.copy(path, Path(pictures))
    return {
        path.stem: subprocess.run(
            ["pdftotext", "-layout", str(path), "-"], check=True, capture_output=True, text=True
        ).stdout
        for path in folder.glob("*.pdf")
    }


@pytest.mark.needs("libreoffice", "poppler")
def test_letter_opens_in_libreoffice(texts: dict[str, str]) -> None:
    """A filled letter shows every value, in the words of its language, and no sign of a field."""
    text = texts["letter"]
    for shown in (
        *(
            "Maison Dupont · Lyon",
            "Réf. sans",
            "Fournisseur & Fils <SARL>",
            "69001 Lyon",
            "Lyon, le 1er mars 2026",
        ),
        *(
            "Objet : Résiliation de l’abonnement n° 4711",
            "=1+1 n’est pas une formule.",
            "salutations distinguées",
        ),
        *("1 Copie du contrat ;", "2 Copie de la facture ;", "3 Relevé."),
    ):
        assert shown in " ".join(text.split())
    assert "À bientôt" not in text
    assert not {"{", "}", "%"} & set(text)


@pytest.mark.needs("libreoffice", "poppler")
def test_invoice_opens_in_libreoffice(texts: dict[str, str]) -> None:
    """A filled workbook is calculated anew: formulas see the numbers; dates and page headers are shown."""
    text = " ".join(texts["invoice"].split())
    for shown in (
        *("Facture Fournisseur & Fils <SARL>", "Facture pour Fournisseur & Fils <SARL>", "69001 Lyon"),
        *("Lyon, le 1er mars 2026", "4711 × 3", "120.50 €", "361.50 €", "433.80 €", "123.5", "2026-03-01"),
    ):
        assert shown in text
    assert "{" not in text


@pytest.mark.needs("libreoffice", "poppler")
def test_file_filled_with_nothing_opens_too(texts: dict[str, str]) -> None:
    """Without any value the files open and hold what is no field."""
    assert "À bientôt !" in texts["letter_empty"]
    assert "Pièce jointe" in texts["letter_empty"]
    assert "Facture pour" in texts["invoice_empty"]
    assert not {"{", "}"} & set("".join(texts.values()))
