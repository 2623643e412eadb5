"""What explains an answer beside its words: model calls, parameters, cost, and the limits that were met."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chatbot.access import Session
from chatbot.answer import Draft
from chatbot.prices import Prices
from chatbot.settings import Settings
from chatbot.store.records import Message

# What a chat model of LangChain's may have been told; what was left to the provider is not known here.
MODEL_PARAMETERS = ("temperature", "top_p", "max_tokens", "seed", "reasoning_effort")


class Explainer:
    """Completes the row of an answer.

    Args:
        model: the chat model, for the parameters it was built with.
        model_name: as `CHAT_MODEL` names it; the price of its calls is looked up under this name.
    """

    def __init__(self, prices: Prices, model: Any, model_name: str, settings: Settings) -> None:
        self._prices = prices
        self._model_name = model_name
        told = {name: getattr(model, name, None) for name in MODEL_PARAMETERS}
        self._told = {name: value for name, value in told.items() if value is not None}
        self._told |= {"timeout_s": settings.model_timeout, "deadline_s": settings.model_deadline}

    def explain(self, message: Message, draft: Draft, session: Session) -> Message:
        """Give the row with what explains it.

        Args:
            session: what is left of the thread's session once the answer is stored.
        """
        return replace(
            message,
            cost_usd=self._compute_cost(message, draft),
            parameters=self._describe(draft),
            searched_for=draft.searched_for,
            model_calls=draft.model_calls,
            # A failed call is not made again (`max_retries` is 0): whether to ask again is the tester's choice.
            retries=0,
            limits_hit=",".join(_list_limits(message, draft, session)) or None,
        )

    def _compute_cost(self, message: Message, draft: Draft) -> float | None:
        if not draft.model_calls:
            return 0.0
        tokens = message.prompt_tokens or 0, message.completion_tokens or 0
        return self._prices.compute_cost(self._model_name, *tokens)

    def _describe(self, draft: Draft) -> str | None:
        if draft.assistant is None:
            return None
        chosen = {"passages": draft.assistant.passages, "history": draft.assistant.history}
        return json.dumps(chosen | (self._told if draft.model_calls else {}))


def _list_limits(message: Message, draft: Draft, session: Session) -> list[str]:
    met = {
        "answer_length": message.is_cut,
        "prompt_budget": draft.is_prompt_cut,
        "model_time": message.error_code == "provider_timeout",
        "session_time": session.seconds_left == 0,
        "session_messages": session.messages_left == 0,
        "session_characters": session.characters_left == 0,
    }
    return [name for name, is_met in met.items() if is_met]
