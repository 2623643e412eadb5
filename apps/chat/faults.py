"""Errors on their way out: class → status and code, once, here."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from apps.chat.wire import STATUS_OF_CODE, describe_error, state_error
from chatbot.errors import GuichetError, RequestError
from chatbot.telemetry import current_trace_id

logger = logging.getLogger(__name__)

HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 401: "not_logged_in"}


def install_handlers(app: FastAPI) -> None:
    """Have every error of the app answered in the one form."""

    @app.exception_handler(GuichetError)
    async def _answer_ours(request: Request, error: GuichetError) -> JSONResponse:
        if not isinstance(error, RequestError):
            logger.error("%s: %s", error.code, error)
        headers = {}
        if (seconds := getattr(error, "retry_after_s", None)) is not None:
            headers["retry-after"] = str(seconds)
        body = state_error(error.code, str(error), current_trace_id(), **describe_error(error))
        return JSONResponse(body, STATUS_OF_CODE.get(error.code, 500), headers=headers)

    @app.exception_handler(RequestValidationError)
    async def _answer_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Without the input: it may hold what JSON cannot (NaN, lone surrogates), or a secret.
        faults = error.errors()
        if any(fault["type"] == "json_invalid" for fault in faults):
            return _answer(400, "invalid_json", "The body is not JSON. Send one JSON object.")
        lines = [f"{'.'.join(map(str, fault['loc'][1:])) or 'body'}: {fault['msg']}" for fault in faults]
        return _answer(400, "invalid_request", "; ".join(lines))

    @app.exception_handler(HTTPException)
    async def _answer_http(request: Request, error: HTTPException) -> JSONResponse:
        code = HTTP_CODES.get(error.status_code, "invalid_request")
        return _answer(error.status_code, code, f"{request.method} {request.url.path[:200]}: {error.detail}.")


def _answer(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse(state_error(code, message, current_trace_id()), status)
