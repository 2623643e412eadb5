"""The HTTP interface: its routes, gathered."""

from __future__ import annotations

from fastapi import APIRouter

from apps.chat import (
    assistant_api,
    file_api,
    health_api,
    login_api,
    openai_api,
    story_api,
    thread_api,
    turn_api,
    widget,
)

router = APIRouter()
PARTS = (login_api, assistant_api, story_api, thread_api, file_api, turn_api, openai_api, health_api, widget)
for part in PARTS:
    router.include_router(part.router)
