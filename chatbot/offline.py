"""The built-in model, for when none is configured: it quotes the documentation's own words, with citations."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from chatbot.excerpts import Unit, read_units
from chatbot.text import detect_language, estimate_tokens, tokenize

MODEL_NAME = "offline"
LONGEST_ANSWER = 700
# Leaves room for a table's head or a tab's name, the citation, and the count of lines left out.
LONGEST_UNIT = 620
_READ_PASSAGES = 5
_RANK_DECAY = 0.85
_CONTEXT_SHARE = 0.5
_NEIGHBOUR_SHARE = 0.25
_LEAST_SHARE = 0.4
_ROW_SHARE = 0.9
# Measured on five question sets: the right words are found as often as without them, in slightly shorter answers.
_SENTENCE_SHARE = 0.3
_LONE_SHARE = 0.7
_NEWS_SHARE = 0.15

NOTICES = {
    "en": "*No language model is configured: these are quotations from the documentation.*",
    "fr": "*Aucun modèle de langage n'est configuré : ce sont des citations de la documentation.*",
}
NOTHING_TO_QUOTE = {
    "en": "No language model is configured: I can only quote passages of the documentation, and none came with this "
    "question.",
    "fr": "Aucun modèle de langage n'est configuré : je ne peux que citer des passages de la documentation, et aucun "
    "n'accompagne cette question.",
}
LINES_LEFT_OUT = {
    "en": "… {count} more lines in the document",
    "fr": "… encore {count} lignes dans le document",
}


@dataclass(frozen=True, slots=True)
class QuotablePassage:
    """A passage that may be quoted under its number."""

    number: int
    heading: str
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    passage: int
    section: tuple[str, str]
    unit: Unit
    terms: frozenset[str]
    context: frozenset[str]


class OfflineChatModel(BaseChatModel):
    """Answer by quotation, with the interface of any chat model of LangChain.

    The last human message carries `additional_kwargs["guichet"]`: `question`, `language` (of the reader) and
    `passages`, each with `number`, `heading`, `source`, `text`, best first.
    """

    @property
    def _llm_type(self) -> str:
        return "guichet-offline"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        answer = _answer_messages(messages)
        message = AIMessage(
            content=answer,
            response_metadata=_finish_metadata(),
            usage_metadata=_count_usage(messages, answer),
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from _make_chunks(messages)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _make_chunks(messages):
            yield chunk
            # The loop has other streams to serve, and a cancellation to deliver.
            await asyncio.sleep(0)


def quote_answer(question: str, language: str, passages: Sequence[QuotablePassage]) -> str:
    """Compose an answer of the passages' own sentences, lists, rows and code, each followed by ` [number]`.

    Args:
        question: as it was asked.
        language: the reader's, for the line that says that no model is configured.
        passages: best first; the first five are read.

    Returns:
        Markdown of about `LONGEST_ANSWER` characters at most, then the line.
    """
    candidates = _list_candidates(question, passages[:_READ_PASSAGES])
    if not candidates:
        return NOTHING_TO_QUOTE.get(language, NOTHING_TO_QUOTE["en"])
    numbers = [passage.number for passage in passages]

    def write(chosen: Sequence[int]) -> str:
        return "\n\n".join(_render(chosen, candidates, numbers, language))

    weights = _weigh_terms(question, candidates)
    chosen = _choose(candidates, weights, _score(weights, candidates), lambda some: len(write(some)))
    chosen = _open_with_prose(candidates, weights, chosen)
    return f"{write(chosen)}\n\n{NOTICES.get(language, NOTICES['en'])}"


def _answer_messages(messages: Sequence[BaseMessage]) -> str:
    asked = next((message for message in reversed(messages) if isinstance(message, HumanMessage)), None)
    given = asked.additional_kwargs.get("guichet") if asked else None
    if not isinstance(given, dict):
        return NOTHING_TO_QUOTE["en"]
    passages = [
        QuotablePassage(entry["number"], entry["heading"], entry["source"], entry["text"])
        for entry in given.get("passages", ())
    ]
    return quote_answer(given["question"], given.get("language", "en"), passages)


def _make_chunks(messages: Sequence[BaseMessage]) -> Iterator[ChatGenerationChunk]:
    answer = _answer_messages(messages)
    for word in re.findall(r"\S+\s*|\s+", answer):
        yield ChatGenerationChunk(message=AIMessageChunk(content=word))
    yield ChatGenerationChunk(
        message=AIMessageChunk(
            content="",
            response_metadata=_finish_metadata(),
            usage_metadata=_count_usage(messages, answer),
            chunk_position="last",
        )
    )


def _finish_metadata() -> dict[str, str]:
    return {"finish_reason": "stop", "model_name": MODEL_NAME}


def _count_usage(messages: Sequence[BaseMessage], answer: str) -> UsageMetadata:
    prompt = sum(estimate_tokens(str(message.content)) for message in messages)
    written = estimate_tokens(answer)
    return UsageMetadata(input_tokens=prompt, output_tokens=written, total_tokens=prompt + written)


def _list_candidates(question: str, passages: Sequence[QuotablePassage]) -> list[_Candidate]:
    candidates: list[_Candidate] = []
    for number, passage in enumerate(passages):
        language = detect_language(passage.text, default=detect_language(question))
        heading = passage.heading.rsplit(" > ", 1)[-1]
        for unit in read_units(passage.text):
            candidates.append(
                _Candidate(
                    passage=number,
                    section=(passage.source, passage.heading),
                    unit=unit,
                    terms=frozenset(tokenize(unit.text, language)),
                    context=frozenset(tokenize(f"{unit.lead} {unit.label} {heading}", language)),
                )
            )
    return candidates


def _weigh_terms(question: str, candidates: Sequence[_Candidate]) -> dict[str, float]:
    """Give the question's terms their idf, counted over the candidates themselves.

    Among passages that are all about the topic, what tells one sentence from another are the terms that few of
    them have.
    """
    asked = sorted(set(tokenize(question, detect_language(question))))
    counts = {term: sum(term in candidate.terms for candidate in candidates) for term in asked}
    total = len(candidates)
    return {term: math.log(1 + (total - n + 0.5) / (n + 0.5)) for term, n in counts.items()}


def _weigh(weights: Mapping[str, float], terms: frozenset[str]) -> float:
    return sum(weight for term, weight in weights.items() if term in terms)


def _score(weights: Mapping[str, float], candidates: Sequence[_Candidate]) -> list[float]:
    """Score each candidate: what it has of the question's weight, part of what stands around it, less by rank.

    A table's row counts a little less than a sentence that matches as well, which reads better.
    """
    own = [
        (
            _weigh(weights, candidate.terms)
            + _CONTEXT_SHARE * _weigh(weights, candidate.context - candidate.terms)
        )
        * (_ROW_SHARE if candidate.unit.kind == "row" else 1)
        for candidate in candidates
    ]
    scores: list[float] = []
    for index, candidate in enumerate(candidates):
        near = sum(
            own[other]
            for other in (index - 1, index + 1)
            if 0 <= other < len(candidates) and candidates[other].passage == candidate.passage
        )
        scores.append((own[index] + _NEIGHBOUR_SHARE * near) * _RANK_DECAY**candidate.passage)
    return scores


def _choose(
    candidates: Sequence[_Candidate],
    weights: Mapping[str, float],
    scores: Sequence[float],
    measure: Callable[[Sequence[int]], int],
) -> list[int]:
    """Take the best candidates that fit the length, each with the sentence that announces it or what it announces.

    One from another section than the best has to earn its place by words of its own.
    """
    ranking = sorted(range(len(candidates)), key=lambda index: (-scores[index], index))
    least = _LEAST_SHARE * scores[ranking[0]]
    chosen: set[int] = set()
    for index in (index for index in ranking if scores[index] >= least):
        if not _adds_enough(candidates, weights, ranking[0], chosen, index):
            continue
        for wanted in (_bundle(candidates, index), [index]):
            extended = chosen.union(wanted)
            if measure(sorted(extended)) <= LONGEST_ANSWER:
                chosen = extended
                break
    chosen = chosen or {ranking[0]}
    hanging = {index for index in chosen if _announces(candidates, index) and index + 1 not in chosen}
    return sorted(chosen - hanging or chosen)


def _open_with_prose(
    candidates: Sequence[_Candidate], weights: Mapping[str, float], chosen: list[int]
) -> list[int]:
    """Put a passage first whose sentence matches about as well as the rows of a table that the answer would open with.

    A table is a poor opening; the other passages keep their order.
    """
    if candidates[chosen[0]].unit.kind != "row":
        return chosen
    matched = {index: _weigh(weights, candidates[index].terms) for index in chosen}
    opening = candidates[chosen[0]].passage
    least = _ROW_SHARE * max(matched[index] for index in chosen if candidates[index].passage == opening)
    for index in sorted(chosen, key=lambda index: -matched[index]):
        if candidates[index].unit.kind == "sentence" and matched[index] >= least:
            first = candidates[index].passage
            return sorted(chosen, key=lambda index: (candidates[index].passage != first, index))
    return chosen


def _adds_enough(
    candidates: Sequence[_Candidate], weights: Mapping[str, float], best: int, chosen: set[int], index: int
) -> bool:
    """Tell whether a candidate is worth quoting beside the best.

    One of the same section is. One from elsewhere must have, in its own words, a share of what the best matches (a
    larger one where it is a row, an item or code, which say little alone), or add a part of the question that what
    is chosen so far does not have.
    """
    candidate = candidates[index]
    if candidate.section == candidates[best].section:
        return True
    share = _SENTENCE_SHARE if candidate.unit.kind == "sentence" else _LONE_SHARE
    if _weigh(weights, candidate.terms) >= share * _weigh(weights, candidates[best].terms):
        return True
    said = frozenset().union(*(candidates[other].terms for other in chosen))
    return _weigh(weights, candidate.terms - said) >= _NEWS_SHARE * sum(weights.values())


def _announces(candidates: Sequence[_Candidate], index: int) -> bool:
    """Tell whether a candidate only announces the one after it, and so says nothing without it."""
    return index + 1 < len(candidates) and candidates[index + 1].unit.lead == candidates[index].unit.text


def _bundle(candidates: Sequence[_Candidate], index: int) -> list[int]:
    """List what is only understood together: an announcement and the first of what it announces."""
    candidate = candidates[index]
    bundle = [index]
    if candidate.unit.lead:
        earlier = index - 1
        while earlier >= 0 and candidates[earlier].unit.block == candidate.unit.block:
            earlier -= 1
        if earlier >= 0 and candidates[earlier].passage == candidate.passage:
            bundle.insert(0, earlier)
    if _announces(candidates, index):
        bundle.append(index + 1)
    return bundle


def _render(
    chosen: Sequence[int], candidates: Sequence[_Candidate], numbers: Sequence[int], language: str
) -> list[str]:
    """Write the chosen units in reading order as pieces of Markdown, each with its citation."""
    pieces: list[str] = []
    label = ("", -1)
    for run in _group_runs(chosen, candidates):
        first = candidates[run[0]]
        if first.unit.label and (first.unit.label, first.passage) != label:
            pieces.append(f"**{first.unit.label}**")
        label = (first.unit.label, first.passage)
        text = _join_units([candidates[index].unit for index in run], language)
        pieces.append(_cite(text, numbers[first.passage]))
    return pieces


def _group_runs(chosen: Sequence[int], candidates: Sequence[_Candidate]) -> list[list[int]]:
    """Group the units that are quoted as one piece: of one block, or an announcement and what it announces."""
    runs: list[list[int]] = []
    for index in chosen:
        unit, passage = candidates[index].unit, candidates[index].passage
        before = candidates[runs[-1][-1]] if runs else None
        is_same_piece = (
            before is not None
            and before.passage == passage
            and before.unit.label == unit.label
            and (before.unit.block == unit.block or (unit.lead != "" and before.unit.text == unit.lead))
        )
        if is_same_piece:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _join_units(units: Sequence[Unit], language: str) -> str:
    text = ""
    previous: Unit | None = None
    for unit in units:
        shown = _shorten(unit, LONGEST_UNIT, language)
        if unit.kind == "row" and (previous is None or previous.block != unit.block):
            shown = f"{unit.head}\n{shown}"
        if previous is None:
            joint = ""
        elif previous.block != unit.block:
            joint = "\n\n"
        else:
            joint = " " if unit.kind == "sentence" else "\n"
        text += joint + shown
        previous = unit
    return text


def _shorten(unit: Unit, room: int, language: str) -> str:
    """Cut a unit that alone is longer than the room: prose between words, code after a whole line, telling how many."""
    if len(unit.text) <= room:
        return unit.text
    if unit.kind == "code":
        opening, *body, closing = unit.text.split("\n")
        kept: list[str] = []
        while body and len("\n".join([opening, *kept, body[0], closing])) <= room:
            kept.append(body.pop(0))
        note = LINES_LEFT_OUT.get(language, LINES_LEFT_OUT["en"]).format(count=len(body))
        return "\n".join([opening, *kept, closing, "", note]) if kept else note
    text = unit.text if unit.kind != "item" else re.split(r"\n\s*(?:```|~~~)", unit.text)[0]
    if len(text) <= room or unit.kind == "row":
        return text
    cut = text.rfind(" ", 0, room)
    while cut > 0 and (text.count("`", 0, cut) % 2 or text.count("**", 0, cut) % 2):
        cut = text.rfind(" ", 0, cut)
    return text[: cut if cut > 0 else room] + " …"


def _cite(text: str, number: int) -> str:
    """Put the citation behind a piece: on a line of its own where it would become part of code or of a table."""
    last_line = text.rsplit("\n", 1)[-1].strip()
    return f"{text}\n\n[{number}]" if last_line.startswith(("```", "~~~", "|")) else f"{text} [{number}]"
