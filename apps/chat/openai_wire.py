"""OpenAI's wire format, as far as its clients need it: chat completions, their chunks, models and errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from apps.chat.bodies import Text
from apps.chat.wire import Citation, cite
from chatbot.errors import InvalidRequest
from chatbot.events import Reply
from chatbot.store.records import Message

PREFIX = "/v1/"
OWNER = "guichet"
DONE = "data: [DONE]\n\n"
# Who is to be blamed, in OpenAI's words; else it is the request.
TYPE_OF_STATUS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def _read_content(value: Any) -> Any:
    """Take content as text, whether it came as a text or as a list of parts."""
    if not isinstance(value, list):
        return value
    kinds = {part.get("type") if isinstance(part, dict) else type(part).__name__ for part in value}
    if kinds - {"text"}:
        raise ValueError(
            f"allowed are parts of type text, not {', '.join(sorted(map(str, kinds - {'text'})))}"
        )
    texts = [part.get("text") for part in value]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a part of type text has its text in text")
    return "\n".join(texts)


class OpenAIMessage(BaseModel):
    """A message of the conversation that the client holds."""

    model_config = ConfigDict(extra="ignore")

    role: Text = Field(max_length=20, examples=["user"])
    content: Annotated[Text | None, BeforeValidator(_read_content)] = Field(
        default=None, examples=["How do I add a tester?"]
    )


class StreamOptions(BaseModel):
    """What a stream holds besides the answer."""

    include_usage: bool = False


class CompletionBody(BaseModel):
    """A chat completion to be made; parameters of a model's own (temperature, max_tokens, tools …) are ignored."""

    model_config = ConfigDict(extra="ignore")

    model: Text = Field(max_length=80, description="Name of an assistant.", examples=["support"])
    messages: list[OpenAIMessage] = Field(min_length=1)
    stream: bool | None = Field(default=False, examples=[False])
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=1, description="One answer is given: 1.", examples=[1])
    tool_choice: Any = Field(default=None, description="Assistants call no tools.", examples=["none"])
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None

    def check(self) -> None:
        """Refuse what an assistant cannot do and the client could not miss.

        Raises:
            InvalidRequest: the parameter is named.
        """
        refused = {
            f"n={self.n}: one answer is given per call; send 1": self.n not in (None, 1),
            "tool_choice: assistants call no tools; send none or auto": self.tool_choice
            not in (None, "none", "auto"),
            "response_format: answers are text; leave it out": (self.response_format or {}).get(
                "type", "text"
            )
            != "text",
            "logprobs: they are not known; leave it out": bool(self.logprobs),
        }
        for message, is_refused in refused.items():
            if is_refused:
                raise InvalidRequest(f"{message}.")

    def read_question(self) -> str:
        """Give the last message of the user.

        Raises:
            InvalidRequest: there is none.
        """
        for message in reversed(self.messages):
            if message.role == "user":
                return message.content or ""
        raise InvalidRequest("messages: none has the role user. Send the question as one.")

    def list_turns(self, max_characters: int) -> tuple[tuple[str, str], ...]:
        """Give the earlier turns, (question, answer), oldest first; what is neither is left out.

        Args:
            max_characters: of all turns together; the oldest are left out beyond it. 0 = no limit.
        """
        turns: list[tuple[str, str]] = []
        asked: list[str] = []
        last = max(index for index, message in enumerate(self.messages) if message.role == "user")
        for message in self.messages[:last]:
            if message.role == "user":
                asked.append(message.content or "")
            elif message.role == "assistant" and message.content and asked:
                turns.append(("\n".join(asked), message.content))
                asked = []
        kept: list[tuple[str, str]] = []
        characters = 0
        for question, answer in reversed(turns):
            characters += len(question) + len(answer)
            if max_characters and characters > max_characters:
                break
            kept.append((question, answer))
        return tuple(reversed(kept))


class Usage(BaseModel):
    """Tokens of the turn."""

    prompt_tokens: int = Field(examples=[812])
    completion_tokens: int = Field(examples=[42])
    total_tokens: int = Field(examples=[854])


class CompletionMessage(BaseModel):
    """The answer, in Markdown."""

    role: str = "assistant"
    content: str = Field(examples=["Set `BETA_PASSWORD`. [1]"])
    refusal: str | None = None


class Choice(BaseModel):
    """The one choice; `finish_reason` is `length` where the model stopped at its limit."""

    index: int = 0
    message: CompletionMessage
    logprobs: None = Field(default=None, examples=[None])
    finish_reason: str = Field(examples=["stop"])


class CompletionState(BaseModel):
    """A chat completion; the fields after `usage` are ours."""

    id: str = Field(examples=["chatcmpl-6f9619ff-8b86-4011-b42d-00c04fc964ff"])
    object: str = "chat.completion"
    created: int = Field(examples=[1772366400])
    model: str = Field(examples=["support"])
    choices: list[Choice]
    usage: Usage
    citations: list[Citation] = Field(description="The passages that the answer cites.")
    nearest: list[Citation] = Field(description="Where the documents do not answer: the nearest sections.")
    answered: bool = Field(examples=[True])
    thread_id: str = Field(examples=["6f9619ff-8b86-4011-b42d-00c04fc964ff"])
    message_id: str = Field(examples=["6f9619ff-8b86-4011-b42d-00c04fc964ff"])


class ModelState(BaseModel):
    """An assistant as a model."""

    id: str = Field(examples=["support"])
    object: str = "model"
    created: int = Field(examples=[1772366400])
    owned_by: str = OWNER


class ModelList(BaseModel):
    """The assistants as models."""

    object: str = "list"
    data: list[ModelState]


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion in the making: what all its parts have in common."""

    message_id: str
    model: str
    created_at: datetime
    include_usage: bool = False

    def head(self, kind: str) -> dict[str, Any]:
        """Give the fields that document and chunks share."""
        return {
            "id": f"chatcmpl-{self.message_id}",
            "object": kind,
            "created": int(self.created_at.timestamp()),
            "model": self.model,
        }

    def state(self, reply: Reply, answer: Message) -> CompletionState:
        """Give the whole completion."""
        choice = Choice(message=CompletionMessage(content=reply.answer), finish_reason=finish_of(reply))
        return CompletionState(
            **self.head("chat.completion"),
            choices=[choice],
            usage=count_usage(answer),
            **describe_reply(reply),
        )

    def chunk(self, delta: dict[str, Any], finish: str | None = None, **extra: Any) -> str:
        """Give a chunk of the stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._write({"choices": [choice], **extra})

    def usage_chunk(self, answer: Message) -> str:
        """Give the last chunk where usage was asked for: it has no choices."""
        return self._write({"choices": [], "usage": count_usage(answer).model_dump()})

    def _write(self, fields: dict[str, Any]) -> str:
        usage = {"usage": None} if self.include_usage else {}
        document = self.head("chat.completion.chunk") | usage | fields
        return f"data: {json.dumps(document, ensure_ascii=False)}\n\n"


def describe_reply(reply: Reply) -> dict[str, Any]:
    """Give the fields of ours."""
    return {
        "citations": [item.model_dump() for item in cite(reply.passages)],
        "nearest": [item.model_dump() for item in cite(reply.nearest)],
        "answered": reply.answered,
        "thread_id": reply.thread_id,
        "message_id": reply.message_id,
    }


def finish_of(reply: Reply) -> str:
    """Say why an answer ended."""
    return "length" if reply.is_cut else "stop"


def count_usage(answer: Message) -> Usage:
    """Give the tokens of an answer; none where no model was asked."""
    sent, received = answer.prompt_tokens or 0, answer.completion_tokens or 0
    return Usage(prompt_tokens=sent, completion_tokens=received, total_tokens=sent + received)


def state_openai_error(status: int, code: str, message: str, trace_id: str, **details: Any) -> dict[str, Any]:
    """Give an error in OpenAI's shape, with our code."""
    kind = TYPE_OF_STATUS.get(status, "invalid_request_error" if status < 500 else "server_error")
    fields = {"message": message, "type": kind, "param": None, "code": code, "trace_id": trace_id}
    return {"error": fields | details}
