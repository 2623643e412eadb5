"""An error as a response, in the form of the interface that was called: ours, or OpenAI's under `/v1`."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from apps.chat.openai_wire import PREFIX, state_openai_error
from apps.chat.texts import explain_error
from apps.chat.wire import STATUS_OF_CODE, describe_error, state_error
from chatbot.errors import GuichetError
from chatbot.telemetry import current_trace_id
from chatbot.translation import translate


def refuse(
    path: str,
    code: str,
    message: str,
    status: int | None = None,
    headers: dict[str, str] | None = None,
    **details: Any,
) -> JSONResponse:
    """Give the response of an error.

    Args:
        path: what was asked for.
        status: where it is not the code's own.
    """
    status = status or STATUS_OF_CODE.get(code, 500)
    trace_id = current_trace_id()
    if path.startswith(PREFIX):
        body = state_openai_error(status, code, message, trace_id, **details)
    else:
        body = state_error(code, message, trace_id, **details)
    return JSONResponse(body, status, headers=headers)


def refuse_error(path: str, error: GuichetError, language: str) -> JSONResponse:
    """Give the response of an error of ours, with its sentence for the reader where there is more to say than its code.

    Where it says when to come again, `Retry-After` does too.

    Args:
        language: the reader's.
    """
    seconds = getattr(error, "retry_after_s", None)
    headers = None if seconds is None else {"retry-after": str(seconds)}
    details = describe_error(error)
    # Who asks for the service's health looks after it.
    told = str(error) if path.startswith("/health/") else error.public
    if seconds is not None:
        details["explanation"] = explain_error(language, error)
    elif (translated := translate(told, language)) != told:
        details["explanation"] = translated
    return refuse(path, error.code, told, headers=headers, **details)
