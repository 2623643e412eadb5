"""Files made of drafts: letters, mails, filled templates, booklets."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from apps.chat import bodies
from apps.chat.callers import Language, Parts, Tester
from apps.chat.thread_api import describe_file, give_file
from chatbot.stationery import Order

router = APIRouter(tags=["files"])


class FileBody(bodies.Body):
    """A file that is asked for."""

    format: bodies.Text = Field(max_length=8, description="One of the draft's formats.", examples=["docx"])
    text: bodies.Text | None = Field(
        default=None,
        description="The draft as it was changed by hand; left out, it is taken as it was written.",
    )
    sender: dict[str, bodies.Text] | None = Field(
        default=None,
        description="Values of the fields that the browser keeps; used for this file, and forgotten.",
        examples=[{"sender_name": "Anne Martin"}],
    )


@router.post(
    "/api/messages/{message_id}/file",
    response_class=Response,
    responses=describe_file("application/octet-stream"),
)
async def make_file(
    message_id: str, body: FileBody, services: Parts, login: Tester, language: Language
) -> Response:
    """Make a file of a draft: laid out as a letter of the country, as a mail, or by the team's template."""
    order = Order(message_id, login.tester, body.format, language, body.text, body.sender)
    made = await services.printer.print_file(order)
    return give_file(made.data, made.name, made.media_type)


@router.get(
    "/api/thread/{thread_id}/booklet.pdf",
    response_class=Response,
    responses=describe_file("application/pdf"),
)
async def bind_pdf(thread_id: str, services: Parts, login: Tester, language: Language) -> Response:
    """Give the story of a thread as a booklet to print, set for reading aloud."""
    made = await services.printer.print_booklet(thread_id, login.tester, "pdf", language)
    return give_file(made.data, made.name, made.media_type)


@router.get(
    "/api/thread/{thread_id}/booklet.epub",
    response_class=Response,
    responses=describe_file("application/epub+zip"),
)
async def bind_epub(thread_id: str, services: Parts, login: Tester, language: Language) -> Response:
    """Give the story of a thread as a booklet for a reader."""
    made = await services.printer.print_booklet(thread_id, login.tester, "epub", language)
    return give_file(made.data, made.name, made.media_type)
