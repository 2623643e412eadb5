"""Logging in and out, carrying a login to another device, agreeing to the privacy notice."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from apps.chat import bodies, wire
from apps.chat.callers import Address, Language, Parts, Tester, set_cookie
from apps.chat.services import Services, list_notice_versions
from chatbot.access import version_notice
from chatbot.errors import InvalidRequest
from chatbot.markup import render_html
from chatbot.store.records import Login

router = APIRouter(tags=["login"])


@router.post("/api/login", response_model=wire.LoginState)
async def log_in(
    body: bodies.LoginBody, request: Request, services: Parts, language: Language, address: Address
) -> Response:
    """Log in with the shared password or a beta code; in open mode anything will do."""
    if await services.access.check_open():
        login, token = await services.access.open_login(address)
    else:
        login, token = await services.access.log_in(body.password, address)
    return _welcome(request, services, login, token, language)


@router.post("/api/logout", status_code=204)
async def log_out(request: Request, services: Parts, login: Tester) -> Response:
    """End the login: its token no longer works."""
    await services.access.log_out(login)
    response = Response(status_code=204)
    set_cookie(request, response, "")
    return response


@router.post("/api/resume_code", response_model=wire.ResumeCodeState)
async def make_resume_code(services: Parts, login: Tester) -> wire.ResumeCodeState:
    """Give a one-time code, good for 10 minutes, that carries this login to another device."""
    code, expires_at = await services.access.make_resume_code(login)
    return wire.ResumeCodeState(code=code, expires_at=expires_at)


@router.post("/api/resume", response_model=wire.LoginState)
async def resume(
    body: bodies.ResumeBody, request: Request, services: Parts, language: Language, address: Address
) -> Response:
    """Take up the login that a resume code carries; the code is used up."""
    login, token = await services.access.resume(body.code, address)
    return _welcome(request, services, login, token, language)


@router.post("/api/accept_notice", status_code=204)
async def accept_notice(body: bodies.NoticeBody, services: Parts, login: Tester) -> Response:
    """Record that the tester agreed to the privacy notice by a click."""
    if body.version not in list_notice_versions(services.settings):
        raise InvalidRequest(
            f"version {body.version!r}: this notice is not in force. Show the one of start_chat and ask again."
        )
    await services.access.accept_notice(login, body.version)
    return Response(status_code=204)


def make_notice(services: Services, login: Login | None, language: str) -> wire.NoticeState:
    """Give the privacy notice in the reader's language."""
    markdown = services.settings.notice(language)
    return wire.NoticeState(
        version=version_notice(markdown), html=render_html(markdown), accepted=has_agreed(services, login)
    )


def has_agreed(services: Services, login: Login | None) -> bool:
    """Tell whether the tester agreed to the notice in force, in whatever language it was read."""
    return login is not None and login.notice_version in list_notice_versions(services.settings)


def choose_notice(
    services: Services, login: Login, language: str, *, is_clicked: bool = False
) -> tuple[str | None, datetime | None]:
    """Give the version of the notice that a new thread is held under, and when it was agreed to by a click.

    Args:
        is_clicked: whether the channel asks for a click, which may come later; a direct client agrees by sending.
    """
    if has_agreed(services, login):
        return login.notice_version, login.notice_accepted_at
    return (None if is_clicked else version_notice(services.settings.notice(language))), None


def _welcome(request: Request, services: Services, login: Login, token: str, language: str) -> Response:
    state = wire.LoginState(
        token=token,
        expires_at=login.expires_at,
        tester=login.tester,
        privacy_notice=make_notice(services, login, language),
    )
    response = JSONResponse(state.model_dump(mode="json"))
    set_cookie(request, response, token)
    return response
