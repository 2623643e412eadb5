"""The description of the HTTP interface, and its interactive page; the page's script comes from here."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from apps.chat.openai_wire import PREFIX, state_openai_error
from apps.chat.wire import EXAMPLE_TRACE, STATUS_OF_CODE, ErrorState, state_error

DOCS_URL = "/api/docs"
OPENAPI_URL = "/api/openapi.json"
ASSETS_URL = "/api/docs/assets"
DESCRIPTION = (
    "Log in with `POST /api/login`, then send the cookie or `Authorization: Bearer TOKEN`. Every response carries "
    '`X-Trace-Id`. An error is `{"error": {"code", "message", "trace_id"}}`; its codes are: '
    + ", ".join(f"`{code}` ({status})" for code, status in STATUS_OF_CODE.items())
    + ", `internal_error` (500). Bodies are JSON of at most 64 KiB."
)
# Reached without a login.
OPEN_CALLS = frozenset({"/api/login", "/api/resume", "/health/live", "/health/ready"})


def add_docs(app: FastAPI) -> None:
    """Serve the description and its page at `/api/docs`."""
    app.openapi = lambda: describe_api(app)  # type: ignore[method-assign]

    @app.get(DOCS_URL, include_in_schema=False)
    async def show_docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=OPENAPI_URL,
            title="Guichet: HTTP interface",
            swagger_js_url=f"{ASSETS_URL}/swagger-ui-bundle.js",
            swagger_css_url=f"{ASSETS_URL}/swagger-ui.css",
            swagger_favicon_url="/favicon.ico",
        )

    app.mount(ASSETS_URL, StaticFiles(packages=[("fastapi_offline", "static")]), name="api-docs-assets")


def describe_api(app: FastAPI) -> dict[str, Any]:
    """Give the OpenAPI description, with our errors in the place of the framework's; made once."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title="Guichet: HTTP interface", version="1", description=DESCRIPTION, routes=app.routes
    )
    components = document["components"]
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    schema = ErrorState.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"] |= schema.pop("$defs", {}) | {"ErrorState": schema}
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "The token of a login."},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "guichet"},
    }
    for path, calls in document["paths"].items():
        for call in calls.values():
            call["responses"].pop("422", None)
            call["responses"]["default"] = _describe_error(path)
            call["security"] = [] if path in OPEN_CALLS else [{"bearer": []}, {"cookie": []}]
    app.openapi_schema = document
    return document


def _describe_error(path: str) -> dict[str, Any]:
    code, message = (
        "rate_limited",
        "The limit of 30 messages per minute is reached. Wait 12 seconds and try again.",
    )
    if path.startswith(PREFIX):
        example = state_openai_error(429, code, message, EXAMPLE_TRACE)
        schema: dict[str, Any] = {"type": "object"}
    else:
        example = state_error(code, message, EXAMPLE_TRACE)
        schema = {"$ref": "#/components/schemas/ErrorState"}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"description": "An error; see the codes above.", "content": content}
