"""The interactive page of the HTTP interface; its script comes from here, for the policy lets in no other."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

DOCS_URL = "/api/docs"
OPENAPI_URL = "/api/openapi.json"
ASSETS_URL = "/api/docs/assets"


def add_docs(app: FastAPI) -> None:
    """Serve the page at `/api/docs`."""

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
