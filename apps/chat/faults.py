"""Errors on their way out: whatever was raised becomes a response, here and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Receive, Scope, Send

from apps.chat.callers import get_language
from apps.chat.refusals import refuse, refuse_error
from chatbot.errors import AssistantUnavailable, GuichetError, RequestError

logger = logging.getLogger(__name__)

# FastAPI's own 400 means a body that it could not read: not UTF-8, nested too deep.
HTTP_CODES = {400: "invalid_json", 401: "not_logged_in", 404: "not_found", 405: "method_not_allowed"}
OWN_PREFIXES = ("/api/", "/v1/", "/health/")


def install_handlers(app: FastAPI) -> None:
    """Have every error of the app answered in the one form."""

    @app.exception_handler(GuichetError)
    async def _answer_ours(request: Request, error: GuichetError) -> JSONResponse:
        if isinstance(error, AssistantUnavailable):
            # Nothing broke, and a tester may ask for it at will.
            logger.info("%s: %s", error.code, error)
        elif not isinstance(error, RequestError):
            logger.error("%s: %s", error.code, error)
        return refuse_error(request.url.path, error, await get_language(request))

    @app.exception_handler(RequestValidationError)
    async def _answer_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return _refuse_invalid(request, error)

    @app.exception_handler(HTTPException)
    async def _answer_http(request: Request, error: HTTPException) -> JSONResponse:
        return _refuse_http(request, error)


def install_page_handlers(app: FastAPI) -> None:
    """Have what the page, mounted in the app, refuses by itself answered in the one form.

    Its own handler of bodies echoes them, and fails over what JSON cannot hold.
    """
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            _install_in_page(route.app)


def _install_in_page(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def _answer_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return _refuse_invalid(request, error)

    @app.exception_handler(HTTPException)
    async def _answer_http(request: Request, error: HTTPException) -> Response:
        # What Gradio says in words of its own its script in the browser understands.
        if error.detail != HTTPStatus(error.status_code).phrase:
            return await http_exception_handler(request, error)
        return _refuse_http(request, error)

    @app.exception_handler(Exception)
    async def _answer_failure(request: Request, error: Exception) -> JSONResponse:
        return refuse(
            request.url.path,
            "internal_error",
            "Something went wrong on our side. Try again in a moment.",
        )


def _refuse_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    # Without the input: it may hold what JSON cannot (NaN, lone surrogates), or a secret.
    faults = error.errors()
    path = request.url.path
    if any(fault["type"] == "json_invalid" for fault in faults):
        return refuse(path, "invalid_json", "The body is not JSON. Send one JSON object.")
    lines = [f"{'.'.join(map(str, fault['loc'][1:])) or 'body'}: {_say_fault(fault)}" for fault in faults]
    return refuse(path, "invalid_request", "; ".join(lines))


def _refuse_http(request: Request, error: HTTPException) -> JSONResponse:
    code = HTTP_CODES.get(error.status_code, "invalid_request")
    message = f"{request.method} {request.url.path[:200]}: {error.detail.rstrip('.')}."
    headers = dict(error.headers or {})
    return refuse(request.url.path, code, message, error.status_code, headers)


def _say_fault(fault: dict[str, Any]) -> str:
    # Pydantic counts a text that was cleaned as it counts a list, in items.
    if fault["type"] == "too_long" and isinstance(fault["input"], str):
        return f"at most {fault['ctx']['max_length']} characters are allowed, not {fault['ctx']['actual_length']}"
    return str(fault["msg"])


class Misses(BaseRoute):
    """Answers what none of our routes takes, before the page, mounted at the root, answers it in another form.

    Args:
        routes: ours; a path of theirs with another method is 405, an unknown one under our prefixes 404.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = tuple(routes)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        is_ours = scope["path"].startswith(OWN_PREFIXES) or self._find_partial(scope) is not None
        return (Match.FULL if is_ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find_partial(scope)
        if found is None:
            raise HTTPException(404)
        route, child_scope = found
        scope.update(child_scope)
        await route.handle(scope, receive, send)

    def _find_partial(self, scope: Scope) -> tuple[BaseRoute, Scope] | None:
        for route in self._routes:
            match, child_scope = route.matches(scope)
            if match is Match.PARTIAL:
                return route, child_scope
        return None
