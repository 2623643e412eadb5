"""Story prompts over the wire: what comes in, and what goes out."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from apps.chat.bodies import EXAMPLE_ID, Body, Text
from apps.chat.wire import EXAMPLE_TIME
from chatbot.store.story_prompts import (
    LONGEST_TAG,
    LONGEST_TEXT,
    LONGEST_TITLE,
    MOST_TAGS,
    TEAM,
    NewPrompt,
    StoryPrompt,
)

EXAMPLE_TITLE = "The lamp that went out"
EXAMPLE_TEXT = "Something small goes missing; to find it the hero has to ask everybody whom nobody asks."
EXAMPLE_TAGS = ["mystery", "evening"]


class PromptBody(Body):
    """A story prompt."""

    title: Text = Field(description=f"At most {LONGEST_TITLE} characters.", examples=[EXAMPLE_TITLE])
    text: Text = Field(
        description=f"What the story is to be told by, at most {LONGEST_TEXT} characters.",
        examples=[EXAMPLE_TEXT],
    )
    language: Text | None = Field(
        default=None, description="`en` or `fr`; null for any.", max_length=10, examples=["en"]
    )
    tags: list[Text] = Field(
        default=[],
        description=f"At most {MOST_TAGS} of at most {LONGEST_TAG} characters each.",
        examples=[EXAMPLE_TAGS],
    )
    is_draft: bool = Field(default=False, description="Not ready yet.", examples=[False])

    def take(self, owner: str) -> NewPrompt:
        """Give it as the store takes it."""
        return NewPrompt(self.title, self.text, self.language, tuple(self.tags), self.is_draft, owner)


class PromptChangeBody(PromptBody):
    """A story prompt as it is to be."""

    revision: int = Field(ge=1, description="That of the prompt as it was read.", examples=[1])


class PromptState(BaseModel):
    """A story prompt; those that are not the tester's own are the team's, to be chosen and not changed."""

    prompt_id: str = Field(examples=[EXAMPLE_ID])
    title: str = Field(examples=[EXAMPLE_TITLE])
    text: str = Field(examples=[EXAMPLE_TEXT])
    language: str | None = Field(examples=["en"])
    tags: list[str] = Field(examples=[EXAMPLE_TAGS])
    is_draft: bool = Field(examples=[False])
    is_own: bool = Field(examples=[True])
    revision: int = Field(description="Counts the saves, from 1.", examples=[1])
    updated_at: datetime = Field(examples=[EXAMPLE_TIME])


def state_prompt(prompt: StoryPrompt) -> PromptState:
    """Give the wire form of a story prompt."""
    return PromptState(
        prompt_id=prompt.prompt_id,
        title=prompt.title,
        text=prompt.text,
        language=prompt.language,
        tags=list(prompt.tags),
        is_draft=prompt.is_draft,
        is_own=prompt.owner != TEAM,
        revision=prompt.revision,
        updated_at=prompt.updated_at,
    )
