"""What comes in over the wire, checked."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from chatbot.text import clean_text

EXAMPLE_ID = "6f9619ff-8b86-4011-b42d-00c04fc964ff"


def _clean(value: Any) -> Any:
    return clean_text(value) if isinstance(value, str) else value


def _refuse_bool(value: Any) -> Any:
    """To Python `true` is 1; to the one who sent it, it is not."""
    if isinstance(value, bool):
        raise ValueError("allowed are numbers")
    return value


# Lone surrogates are legal in JSON and nowhere after it.
Text = Annotated[str, BeforeValidator(_clean)]


class Body(BaseModel):
    """A request's body."""

    model_config = ConfigDict(extra="ignore", strict=True)


class LoginBody(Body):
    """What lets in."""

    password: Text = Field(
        max_length=1000,
        description="The shared password of the beta, or a beta code.",
        examples=["open sesame"],
    )


class ResumeBody(Body):
    """A resume code."""

    code: Text = Field(
        max_length=40, description="Case, spaces and dashes do not matter.", examples=["4F7K-9QXM"]
    )


class NoticeBody(Body):
    """The privacy notice that was agreed to."""

    version: Text = Field(max_length=16, description="As it came with the notice.", examples=["3f1c0a9b2d4e"])


class RatingBody(Body):
    """How a thread went."""

    value: Annotated[int, BeforeValidator(_refuse_bool)] = Field(
        ge=1, le=5, description="From 1 (badly) to 5 (well).", examples=[4]
    )
    comment: Text | None = Field(default=None, max_length=2000, examples=["Quick, and the links helped."])


class StartBody(Body):
    """What a new thread is for."""

    assistant: Text | None = Field(default=None, max_length=80, examples=["support"])
    form: dict[str, Any] | None = Field(
        default=None, description="Values of the assistant's form, if it has one."
    )
    channel: Literal["api", "page", "widget"] = Field(
        default="api", description="What the tester speaks through."
    )


class ChatBody(Body):
    """A question."""

    thread_id: Text = Field(max_length=64, examples=[EXAMPLE_ID])
    message: Text = Field(description="The question, as it was typed.", examples=["How do I add a tester?"])


class FeedbackBody(Body):
    """A verdict on an answer; a later one replaces it."""

    message_id: Text = Field(max_length=64, examples=[EXAMPLE_ID])
    value: Annotated[Literal[1, -1], BeforeValidator(_refuse_bool)] = Field(
        description="1 (helpful) or -1 (not helpful).", examples=[1]
    )
    reason: Text | None = Field(default=None, max_length=100, examples=["outdated"])
    comment: Text | None = Field(default=None, max_length=2000, examples=["The page moved last week."])
