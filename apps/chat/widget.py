"""The widget: its file, what it has to know before it speaks, and a page to try it on."""

from __future__ import annotations

import gzip
import hashlib
import html
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from apps.chat import wire
from apps.chat.assistant_api import list_choices, list_prompts
from apps.chat.callers import Language, Parts
from apps.chat.chooser_html import render_chooser
from apps.chat.form_html import render_form
from apps.chat.login_api import make_notice
from apps.chat.loopback import is_loopback
from apps.chat.services import Services
from apps.chat.texts import set_type
from apps.chat.widget_texts import gather_words
from chatbot.assistants.definition import Assistant
from chatbot.models import name_model
from chatbot.store.records import Login
from chatbot.store.threads import ThreadUse
from chatbot.storytelling import unavailable_reason

ASSETS = Path(__file__).parent / "assets"
SOURCES = ASSETS / "widget"
WIDGET = ASSETS / "widget.js"
TALK_STYLE = ASSETS / "widget-talk.css"
DEMO = ASSETS / "demo"
CACHE = "public, max-age=300, stale-while-revalidate=86400"
# As strict as a host's policy may be, and no policy of Trusted Types is let in.
DEMO_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
DEMO_KINDS = {".css": "text/css", ".js": "text/javascript"}

router = APIRouter()


class AssistantCard(BaseModel):
    """What the widget shows of an assistant."""

    name: str = Field(examples=["support"])
    kind: str = Field(examples=["documentation"])
    title: str
    greeting: str
    examples: list[str]


class WidgetState(BaseModel):
    """What the widget has to know before it speaks; `assistant` is null until a login that is needed is there."""

    language: str = Field(examples=["en"])
    words: dict[str, str] = Field(description="What the widget says, by name.")
    style: str = Field(description="The style of what is shown in a conversation.")
    needs_login: bool
    logged_in: bool
    max_message_characters: int
    assistant: AssistantCard | None
    chooser: str = Field(description="The choice of an assistant, rendered; empty where there is none.")
    form: str = Field(
        description="What the chosen assistant asks for before it writes, rendered; empty for nothing."
    )
    session: wire.SessionState = Field(description="What a new conversation may have.")
    privacy_notice: wire.NoticeState


@router.api_route("/widget.js", methods=["GET", "HEAD"], include_in_schema=False)
async def give_widget(
    if_none_match: Annotated[str, Header()] = "", accept_encoding: Annotated[str, Header()] = ""
) -> Response:
    """Give the widget's one file to whatever page asks."""
    content, packed, tag = _read_widget()
    headers = {
        "cache-control": CACHE,
        "cross-origin-resource-policy": "cross-origin",
        "etag": tag,
        "vary": "accept-encoding",
    }
    if tag in if_none_match:
        return Response(status_code=304, headers=headers)
    if "gzip" in accept_encoding:
        headers["content-encoding"], content = "gzip", packed
    return Response(content, media_type="text/javascript", headers=headers)


@router.get("/api/widget", response_model=WidgetState)
async def give_state(
    request: Request,
    services: Parts,
    language: Language,
    assistant: str = "",
    choice: str = "",
    document: str = "",
) -> WidgetState:
    """Say what the widget has to know before it speaks; a login is not needed.

    Args:
        assistant: the one that the site has fixed; empty leaves the choice to the tester.
        choice: the one that the tester has chosen.
        document: the kind of document that the tester has chosen.

    Raises:
        UnknownAssistant: there is none of this name.
    """
    login: Login | None = request.scope["state"]["login"]
    needs_login = not await services.access.check_open()
    is_in = login is not None or not needs_login
    chosen = _choose(services, assistant or choice) if is_in else None
    rules, now = services.turns.conversation.rules, services.store.clock()
    return WidgetState(
        language=language,
        words=gather_words(language),
        style=_read_style(),
        needs_login=needs_login,
        logged_in=login is not None,
        max_message_characters=services.settings.max_message_characters,
        assistant=_describe(chosen, language) if chosen else None,
        chooser=_render_chooser(services, chosen, language) if chosen and not assistant else "",
        form=await _render_form(services, login, chosen, document, language) if chosen else "",
        session=wire.state_session(rules.measure(ThreadUse(None, 0, 0), now)),
        privacy_notice=make_notice(services, login, language),
    )


@router.get("/widget-demo", include_in_schema=False)
async def show_demo(request: Request, services: Parts, language: Language) -> Response:
    """Show a page to try the widget on, on loopback alone."""
    _ask_loopback(request, services)
    wanted = request.query_params.get("language", language)
    page = Template((DEMO / f"demo.{'fr' if wanted == 'fr' else 'en'}.html").read_text(encoding="utf-8"))
    # The host is in the example to copy; a header may hold anything.
    content = page.substitute(origin=html.escape(f"{request.url.scheme}://{request.headers.get('host', '')}"))
    return HTMLResponse(content, headers={"content-security-policy": DEMO_POLICY})


@router.get("/widget-demo/style.css", include_in_schema=False)
@router.get("/widget-demo/demo.js", include_in_schema=False)
async def give_demo_part(request: Request, services: Parts) -> Response:
    """Give style and script of the page to try the widget on."""
    _ask_loopback(request, services)
    path = DEMO / request.url.path.rpartition("/")[2]
    return Response(path.read_bytes(), media_type=DEMO_KINDS[path.suffix])


def _choose(services: Services, name: str) -> Assistant:
    return services.assistants.get(name) if name else services.assistants.default


def _render_chooser(services: Services, chosen: Assistant, language: str) -> str:
    return render_chooser(list_choices(services, language), language, chosen.name)


def _describe(assistant: Assistant, language: str) -> AssistantCard:
    is_asked = assistant.kind == "documentation"
    examples = assistant.examples.get("fr" if language == "fr" else "en", [])
    return AssistantCard(
        name=assistant.name,
        kind=assistant.kind,
        title=assistant.say(assistant.title, language),
        greeting=set_type(language, assistant.say(assistant.greeting, language)),
        examples=[set_type(language, text) for text in examples] if is_asked else [],
    )


async def _render_form(
    services: Services, login: Login | None, assistant: Assistant, document: str, language: str
) -> str:
    if assistant.kind == "documentation" or unavailable_reason(
        assistant, name_model(services.settings), language
    ):
        return ""
    prompts = await list_prompts(services, login) if assistant.kind == "story" and login else []
    today = services.store.clock().astimezone(services.settings.zone).date()
    return render_form(assistant, assistant.find_document(document), language, today, prompts)


def _ask_loopback(request: Request, services: Services) -> None:
    """Let loopback pass; for everyone else there is no such page."""
    if not is_loopback(request.scope, services.tunnel):
        raise HTTPException(404)


@lru_cache(maxsize=1)
def _read_widget() -> tuple[bytes, bytes, str]:
    content = WIDGET.read_bytes()
    return content, gzip.compress(content, mtime=0), f'"{hashlib.sha256(content).hexdigest()[:20]}"'


@lru_cache(maxsize=1)
def _read_style() -> str:
    return TALK_STYLE.read_text(encoding="utf-8")
