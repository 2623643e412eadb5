"""Files of other formats, made for tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from pypdf import PdfReader, PdfWriter
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument'
    '.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
_NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def make_docx(paragraphs: Sequence[tuple[str, str]]) -> bytes:
    """Make a Word document of paragraphs, each with the name of its style or none."""
    body = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'
        for text, style in paragraphs
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _RELATIONS)
        archive.writestr(
            "word/document.xml", f'<w:document xmlns:w="{_NAMESPACE}"><w:body>{body}</w:body></w:document>'
        )
    return target.getvalue()


def make_pdf(pages: Sequence[str], *, password: str = "", foot: str = "") -> bytes:
    """Make a PDF of one paragraph a page; lines that begin with `#` are headings, and `foot` stands on every page."""
    styles = getSampleStyleSheet()
    story: list[Flowable] = []
    for page in pages:
        for line in page.split("\n"):
            level = len(line) - len(line.lstrip("#"))
            style = styles[f"Heading{level}"] if level else styles["BodyText"]
            story.append(Paragraph(line.lstrip("# "), style))
        story.append(PageBreak())

    def draw_foot(canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.drawString(72, 30, foot and f"{foot} {document.page}")

    target = io.BytesIO()
    SimpleDocTemplate(target).build(story, onFirstPage=draw_foot, onLaterPages=draw_foot)
    if not password:
        return target.getvalue()
    writer = PdfWriter(PdfReader(target))
    writer.encrypt(password)
    protected = io.BytesIO()
    writer.write(protected)
    return protected.getvalue()
