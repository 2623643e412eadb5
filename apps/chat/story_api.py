"""Story prompts: the tester's own to write, and the team's to choose from."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fastapi import APIRouter
from fastapi.responses import Response

from apps.chat.callers import Language, Parts, Tester
from apps.chat.services import Services
from apps.chat.story_wire import PromptBody, PromptChangeBody, PromptState, state_prompt
from chatbot.errors import UnknownPrompt
from chatbot.limiter import Limiter
from chatbot.store import story_prompts
from chatbot.store.records import Login
from chatbot.store.story_prompts import StoryPrompt

router = APIRouter(tags=["stories"])

# More than anybody types; a tester has 50 prompts at most.
CHANGES = "60/minute"


@router.get("/api/story_prompts", response_model=list[PromptState])
async def list_prompts(services: Parts, login: Tester) -> list[PromptState]:
    """List the story prompts that a story can be told by, by title: the team's, and the tester's own, drafts too."""
    found = await services.store.read_async(story_prompts.list_offered, login.tester)
    return [state_prompt(prompt) for prompt in found]


@router.post("/api/story_prompts", status_code=201, response_model=PromptState)
async def add_prompt(body: PromptBody, services: Parts, login: Tester, language: Language) -> PromptState:
    """Keep a story prompt of the tester's own; 50 at most."""
    await _count(services, login)
    new = story_prompts.check_prompt(body.take(login.tester), language)
    now = services.store.clock()
    return state_prompt(await services.store.write_async(story_prompts.add_prompt, new, login.tester, now))


@router.put("/api/story_prompts/{prompt_id}", response_model=PromptState)
async def change_prompt(
    prompt_id: str, body: PromptChangeBody, services: Parts, login: Tester, language: Language
) -> PromptState:
    """Change a story prompt of the tester's own; where it was saved elsewhere since it was read nothing is lost."""
    await _count(services, login)
    checked = story_prompts.check_prompt(body.take(login.tester), language)
    known = await _find_own(services, login, prompt_id)
    wanted = replace(
        known,
        title=checked.title,
        text=checked.text,
        language=checked.language,
        tags=checked.tags,
        is_draft=checked.is_draft,
    )
    changed = await services.store.write_async(
        lambda connection: story_prompts.change_prompt(
            connection, wanted, login.tester, services.store.clock(), revision=body.revision
        )
    )
    return state_prompt(changed)


@router.delete("/api/story_prompts/{prompt_id}", status_code=204)
async def remove_prompt(prompt_id: str, services: Parts, login: Tester) -> Response:
    """Remove a story prompt of the tester's own; stories that were begun with it keep its text."""
    await _count(services, login)
    now = services.store.clock()
    await services.store.write_async(story_prompts.remove_prompt, prompt_id, login.tester, login.tester, now)
    return Response(status_code=204)


async def _find_own(services: Services, login: Login, prompt_id: str) -> StoryPrompt:
    found = await services.store.read_async(story_prompts.read_prompt, prompt_id)
    if found is None or found.owner != login.tester:
        raise UnknownPrompt("There is no such story prompt among yours.")
    return found


async def _count(services: Services, login: Login) -> None:
    await asyncio.to_thread(Limiter(services.store, CHANGES, "story_prompt").count, login.tester)
