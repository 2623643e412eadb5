"""Tells stories chapter by chapter, from a form and a managed prompt, with a language model.

A thread is one story: its first answer is the title and the first chapter, each later one follows a wish. What the
policy declines for the reader's age is refused before any model is asked, and looked for in what the model writes.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from langchain_core.runnables import Runnable

from chatbot.answer import Draft
from chatbot.assistants.definition import Assistant
from chatbot.assistants.texts import say
from chatbot.booklets.booklet import Chapter
from chatbot.chapter_prompts import ChapterInput, build_chapter_messages, fit_story
from chatbot.documentation import read_history
from chatbot.errors import AssistantUnavailable
from chatbot.events import Event, Html, Sources, Token
from chatbot.generation import Generation
from chatbot.inspection import Inspection, see
from chatbot.models import OFFLINE
from chatbot.opening import STORY_PROMPT, STORY_PROMPT_TEXT
from chatbot.prompts import shorten
from chatbot.questions import Turn
from chatbot.store import forms
from chatbot.store.engine import Store
from chatbot.streaming import StopSignal
from chatbot.wishes import DraftInfo, Wish, find_wish
from chatbot.writing import choose_language, list_entries

GO_ON, ANOTHER_ENDING, ANOTHER_TITLE = WISHES = (
    Wish("go_on", {"en": "Go on", "fr": "Continuer"}),
    Wish("another_ending", {"en": "Another ending", "fr": "Une autre fin"}),
    Wish("another_title", {"en": "Another title", "fr": "Un autre titre"}),
)
# The fields of the form that mean something to the engine; all others are material for the story.
AGE, LENGTH, LANGUAGE = "age", "length", "language"
CHAPTERS = {"short": 3, "medium": 5, "long": 8}
DECLINED = {
    "en": "This assistant declines to tell that.",
    "fr": "Cet assistant refuse de raconter cela.",
}
UNAVAILABLE = {
    "en": "Stories are written by a language model, and none is configured here. The team switches one on with "
    "CHAT_MODEL: docs/stories.md says how.",
    "fr": "Les histoires sont écrites par un modèle de langage, et aucun n'est configuré ici. L'équipe en active un "
    "avec CHAT_MODEL : docs/stories.md dit comment.",
}
_HEADING = re.compile(r"^\s{0,3}(#{1,2})(?!#)[ \t]*(.*?)[ \t]*#*[ \t]*$")
_AROUND_TITLE = " \t#*_`"
LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Story:
    """A story as it stands; titles are empty where the model gave none."""

    title: str
    chapters: tuple[Chapter, ...]


class StoryAnswerer:
    """Tells stories, for assistants of kind story."""

    def __init__(self, store: Store, generation: Generation) -> None:
        self._store = store
        self._generation = generation
        self._chain: Runnable[Any, Any] = generation.model

    async def answer(self, turn: Turn, draft: Draft, signal: StopSignal) -> AsyncIterator[Event]:
        """Tell one chapter, or decline.

        Raises:
            AssistantUnavailable: there is no language model.
        """
        assistant = draft.assistant
        if assistant is None:
            raise ValueError("the draft has no assistant")
        draft.is_personal, draft.empty_refusals = True, DECLINED
        check_available(assistant, self._generation.model_name, turn.language)
        values = await self._store.read_async(forms.read_form, turn.thread.thread_id)
        history = await read_history(self._store, turn)
        yield Sources(())
        age = read_age(values)
        # What a client brings along of its own was never looked at.
        brought = chain.from_iterable(turn.history or ())
        asked = map(see, [*values.values(), *brought, turn.text])
        if declined := assistant.policy.find(asked, age):
            draft.is_refusal = True
            yield Token(draft.add_plain(declined.refuse(turn.language)))
            yield Html(draft.html())
            return
        given = gather_chapter(assistant, values, history, turn)
        messages = build_chapter_messages(given)
        draft.take_material(messages, ())
        draft.is_prompt_cut = fit_story(given.chapters) != list(given.chapters)
        # Stopped by the tester, or by what the inspection finds, which is no doing of the tester's.
        ending = StopSignal()
        signal.listen(ending.stop)
        draft.inspect(Inspection(assistant.policy, age, ending.stop))
        async for event in self._generation.write(
            self._chain, messages, draft, ending, language=turn.language
        ):
            yield event
        if not draft.is_refusal:
            draft.info = describe_story(draft.text, turn.language)


def unavailable_reason(assistant: Assistant, model_name: str, language: str) -> str | None:
    """Say why an assistant cannot be used, and how it is switched on; None where it can.

    Args:
        model_name: as the log knows the model that is configured.
    """
    return say(UNAVAILABLE, language) if assistant.needs_model and model_name == OFFLINE else None


def check_available(assistant: Assistant, model_name: str, language: str) -> None:
    """Refuse an assistant that needs a model where there is none.

    Raises:
        AssistantUnavailable: says why, and how it is switched on.
    """
    if reason := unavailable_reason(assistant, model_name, language):
        raise AssistantUnavailable(reason)


def describe_story(text: str, language: str) -> DraftInfo:
    """Say what can be done with an answer of a story.

    Args:
        language: the reader's.
    """
    story = assemble_story([("", text)])
    return DraftInfo(
        layout="story",
        subject=story.title or (story.chapters[0].title if story.chapters else ""),
        is_template=False,
        language=language,
        formats=("pdf", "epub"),
        wishes=WISHES,
    )


def assemble_story(pairs: Sequence[tuple[str, str]]) -> Story:
    """Read the (question, answer) pairs of a thread, oldest first, into the story as it stands.

    Going on adds a chapter, another title renames, anything else puts a chapter in the place of the last. An answer
    that did not come about is empty, and counts for nothing.
    """
    title, told = _read_told(pairs)
    return Story(title, tuple(chapter for chapters in told for chapter in chapters))


def read_age(values: Mapping[str, str]) -> int | None:
    """Give the reader's age from a form, whether a number or a choice such as `6-8`; None where it has none."""
    match = re.match(r"\d{1,3}", values.get(AGE, ""))
    return min(int(match[0]), 120) if match else None


def gather_chapter(
    assistant: Assistant, values: Mapping[str, str], history: Sequence[tuple[str, str]], turn: Turn
) -> ChapterInput:
    """Give what the chapter of a turn is written from."""
    language = choose_language(assistant, values, turn.thread.language or turn.language)
    title, told = _read_told(history)
    age = read_age(values)
    kept = {AGE, LENGTH, LANGUAGE, STORY_PROMPT, STORY_PROMPT_TEXT}
    return ChapterInput(
        instructions=assistant.prompt,
        task=_choose_task(turn.text, has_begun=bool(told)),
        language=language,
        age=age,
        planned=CHAPTERS.get(values.get(LENGTH, ""), CHAPTERS["short"]),
        values={
            name: value for name, _, value in list_entries(assistant, values, language) if name not in kept
        },
        prompt=values.get(STORY_PROMPT_TEXT, ""),
        title=title,
        chapters=[_join(chapters) for chapters in told],
        wish=turn.text,
        topics=assistant.policy.list_topics(language, age),
    )


def _choose_task(text: str, *, has_begun: bool) -> str:
    if not has_begun:
        return "begin"
    wish = find_wish(text, WISHES)
    return wish.name if wish else "change"


def _read_told(pairs: Sequence[tuple[str, str]]) -> tuple[str, list[list[Chapter]]]:
    """Give the title, and the chapters of each answer that stands: a model may write two at once."""
    title = ""
    told: list[list[Chapter]] = []
    for question, answer in pairs:
        task = _choose_task(question, has_begun=bool(told))
        if task == ANOTHER_TITLE.name:
            title = _read_title(answer) or title
            continue
        heading, chapters = _read_answer(answer, is_first=not told)
        if task != GO_ON.name:
            title = heading or title
        if chapters:
            told = [*told, chapters] if task in ("begin", GO_ON.name) else [*told[:-1], chapters]
    return title, told


def _read_title(answer: str) -> str:
    """Give the first line that says something, without what marks it as a title."""
    lines = (line.strip(_AROUND_TITLE) for line in answer.splitlines())
    return shorten(next(filter(None, lines), ""), LONGEST_TITLE)


def _read_answer(answer: str, *, is_first: bool) -> tuple[str, list[Chapter]]:
    """Give the story's title and the chapters of an answer; what stands before the first heading is a chapter too."""
    title = ""
    chapters: list[tuple[str, list[str]]] = []
    for line in answer.splitlines():
        heading = _HEADING.match(line)
        if heading is None:
            if chapters or line.strip():
                chapters = chapters or [("", [])]
                chapters[-1][1].append(line)
        elif heading[1] == "#" and not chapters and not title:
            title = _read_title(heading[2])
        else:
            chapters.append((_read_title(heading[2]), []))
    read = [Chapter(name, "\n".join(lines).strip()) for name, lines in chapters]
    if not is_first and title and len(read) == 1 and not read[0].title:
        # Later on the one heading there is names the chapter, whatever its rank.
        return "", [Chapter(title, read[0].text)]
    return title, [chapter for chapter in read if chapter.text]


def _join(chapters: Sequence[Chapter]) -> tuple[str, str]:
    first, *others = chapters
    return first.title, "\n\n".join([first.text, *(f"## {other.title}\n\n{other.text}" for other in others)])
