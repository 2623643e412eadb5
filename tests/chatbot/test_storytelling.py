"""Stories: one chapter per turn, wishes, what is declined before and while a model writes; on both stores."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chatbot.answer import Draft
from chatbot.assistants.catalogue import Assistants
from chatbot.errors import AssistantUnavailable
from chatbot.events import Event, Failed, Html, Reply, Token
from chatbot.followups import pair_turns
from chatbot.generation import Generation
from chatbot.models import OFFLINE
from chatbot.questions import Question, Turn
from chatbot.settings import Settings
from chatbot.store import forms, threads
from chatbot.store.engine import Store
from chatbot.store.forms import FormEntry
from chatbot.store.records import Thread
from chatbot.storytelling import (
    WISHES,
    StoryAnswerer,
    assemble_story,
    describe_story,
    read_age,
    unavailable_reason,
)
from chatbot.streaming import StopSignal
from tests.chatbot.conftest import Counter, MakeCounter, ScriptedModel
from tests.conftest import ROOT, Clock

FIRST = "# La lampe\n\n## Le phare\n\nNour monta. La mer dormait."
SECOND = "## Le bateau\n\nUn bateau vint. Il était vide."
FORM = {"hero": "Nour", "age": "8", "length": "short", "mood": "gentle", "language": "fr"}


class Teller:
    """The teller of stories on a store, with a model that says what a test scripts, without the rules around it."""

    def __init__(self, store: Store, settings: Settings, assistants: Assistants) -> None:
        self.store = store
        self.settings = settings
        self.assistant = assistants.get("stories")
        self.model = ScriptedModel(script=[], prompts=[])
        self.signal = StopSignal()
        self.draft = Draft("m", 0.0)
        # Waited for by scripts: a listener has seen a first piece of the text.
        self.shown = asyncio.Event()

    def tell(
        self,
        text: str,
        script: list[Any],
        *,
        form: dict[str, str] = FORM,
        told: list[tuple[str, str]] | None = None,
        model_name: str = "scripted:any",
        language: str = "fr",
    ) -> list[Event]:
        """Tell one turn of a new thread with this form; `told` is what came before."""
        thread = Thread(
            f"t{time.monotonic_ns()}", "stories", "api", "beta-1", "beta", None, language, self.store.clock()
        )
        entries = [FormEntry(name, value, "text") for name, value in form.items()]
        self.store.write(threads.add_thread, thread)
        self.store.write(forms.add_form, thread.thread_id, entries)
        self.model.script = script
        self.draft = Draft("m", time.monotonic(), assistant=self.assistant)
        answerer = StoryAnswerer(self.store, Generation(self.model, model_name, self.settings))
        position = 1 if told is None else 1 + 2 * len(told)
        history = None if told is None else tuple(told)
        turn = Turn("m", "u", position, thread, text, language, history=history)

        async def collect() -> list[Event]:
            events: list[Event] = []
            async for event in answerer.answer(turn, self.draft, self.signal):
                events.append(event)
                if isinstance(event, Token):
                    self.shown.set()
            return events

        return asyncio.run(collect())

    def read_prompt(self) -> str:
        """Give what the model was last shown."""
        return "\n".join(str(message.content) for message in self.model.prompts[-1])


def read_tokens(events: list[Event]) -> str:
    """Give the text as a listener puts it together."""
    return "".join(event.text for event in events if isinstance(event, Token))


BOTH_STORES = pytest.mark.parametrize("store", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest, settings: Settings, clock: Clock) -> Iterator[Store]:
    """Give an empty store in a file, or on a server where a test asks for it."""
    is_server = getattr(request, "param", "") == "postgresql"
    store = Store(
        str(request.getfixturevalue("postgres_url")) if is_server else settings.store_path, clock=clock
    )
    yield store
    store.close()


@pytest.fixture
def teller(store: Store, settings: Settings) -> Teller:
    """Give a teller of stories by the definition that ships."""
    return Teller(store, settings, Assistants(ROOT / "data" / "assistants"))


@BOTH_STORES
def test_first_chapter_is_told_from_the_form(teller: Teller) -> None:
    """The form's values reach the model in words, the pinned prompt too; the draft has a title, files and wishes."""
    form = FORM | {"story_prompt": "Sea", "story_prompt_text": "A lamp that goes out."}
    events = teller.tell("Raconte-moi une histoire.", [FIRST], form=form)
    assert read_tokens(events) == teller.draft.text == FIRST
    assert isinstance(events[-1], Html) and "<h2" in events[-1].html
    prompt = teller.read_prompt()
    for expected in ("Nour", "Douce, pour le soir", "A lamp that goes out.", "8 years old", "chapter 1 of 3"):
        assert expected in prompt
    assert "Write in French" in prompt and "les contenus sexuels" in prompt and "l'horreur" in prompt
    info = teller.draft.info
    assert info is not None and (info.layout, info.subject, info.formats) == (
        "story",
        "La lampe",
        ("pdf", "epub"),
    )
    assert [wish.say("fr") for wish in info.wishes] == ["Continuer", "Une autre fin", "Un autre titre"]
    assert teller.draft.is_personal and not teller.draft.is_refusal


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("  CONTINUER ! ", "chapter 2 of 3"),
        ("go on", "chapter 2 of 3"),
        ("Une autre fin…", "all ends differently"),
        ("Un autre titre", "another title: one line"),
        ("Continuer, mais sans le bateau", "changed as the wish asks"),
    ],
)
def test_wishes_are_known_by_their_words(teller: Teller, text: str, task: str) -> None:
    """Case, accents and punctuation do not matter; a wish in other words changes the last chapter."""
    teller.tell(text, [SECOND], told=[("Raconte.", FIRST)])
    prompt = teller.read_prompt()
    assert task in prompt
    assert "# La lampe\n\n## Le phare\n\nNour monta." in prompt


def test_wish_before_any_chapter_begins_the_story(teller: Teller) -> None:
    """Where nothing was told yet, or it was declined, whatever is sent begins the story."""
    teller.tell("Continuer", [FIRST], told=[("Raconte.", "")])
    assert "chapter 1 of 3" in teller.read_prompt()


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Avec une cigarette", FORM),
        ("Raconte", FORM | {"details": "Il trouve un ca\u00addavre, un cad\u200bavre."}),
        ("Raconte", FORM | {"story_prompt_text": "Un tueur en série."}),
        ("Raconte", FORM | {"hero": "a drug dealer"}),
    ],
)
def test_what_is_declined_reaches_no_model(teller: Teller, text: str, form: dict[str, str]) -> None:
    """A request by name is refused with the policy's sentence, wherever it stands, and no model is called."""
    events = teller.tell(text, [FIRST], form=form)
    assert teller.model.prompts == []
    assert teller.draft.is_refusal and teller.draft.model is None
    assert read_tokens(events) == teller.draft.text
    assert teller.draft.text.startswith("Cet assistant n'écrit rien sur")
    assert teller.draft.info is None


def test_older_reader_is_told_more(teller: Teller) -> None:
    """What is declined for children alone is told to the grown-up."""
    teller.tell("Avec une cigarette", [FIRST], form=FORM | {"age": "30"})
    assert teller.draft.text == FIRST


def test_what_a_client_brings_along_is_looked_at_too(teller: Teller) -> None:
    """Earlier turns that a client sends of its own are no way around the policy."""
    teller.tell("Continuer", [SECOND], told=[("Raconte.", FIRST + " Il trouva une cigarette.")])
    assert teller.draft.is_refusal and teller.model.prompts == []


def test_declined_sentence_is_never_shown(teller: Teller) -> None:
    """Once the model writes what is declined its stream ends, and the policy's sentence takes the chapter's place."""
    never = asyncio.Event()
    script = [f"{FIRST} ", teller.shown, "Elle vit un ca", "davre, un cad", "avre. Il", never, "x"]
    events = teller.tell("Raconte.", script)
    assert read_tokens(events).startswith(f"{FIRST} \n\nCet assistant")
    assert "avre" not in read_tokens(events)
    pages = [event.html for event in events if isinstance(event, Html)]
    assert "Nour monta" not in pages[-1] and not any("avre" in page for page in pages)
    assert teller.draft.text.startswith("Cet assistant n'écrit rien sur la mort") and teller.draft.is_refusal
    assert read_tokens(events).endswith(f"\n\n{teller.draft.text}")
    assert teller.draft.info is None


def test_declined_end_is_not_kept_when_the_tester_stops(teller: Teller) -> None:
    """What waited when the tester stopped is looked at too, before it is kept."""
    script = ["## Le phare\n\nNour monta. Un cadavre, un ", teller.signal.stop, "x"]
    teller.tell("Raconte.", script, form=FORM | {"details": "Des vagues."})
    teller.draft.settle()
    assert "cadavre" not in teller.draft.text


def test_refusal_of_the_model_is_a_refusal(teller: Teller) -> None:
    """The model declines by its marker; without words of its own it gets ours."""
    events = teller.tell("Raconte.", ["[[NOT-IN-THE-", "DOCUMENTS]] Ce n'est pas pour un enfant."])
    assert (read_tokens(events), teller.draft.is_refusal) == ("Ce n'est pas pour un enfant.", True)
    teller.tell("Raconte.", ["[[NOT-IN-THE-DOCUMENTS]]"])
    assert teller.draft.text == "Cet assistant refuse de raconter cela."


def test_without_a_model_there_is_no_story(teller: Teller) -> None:
    """With the offline model the assistant says that it is not available, why, and how that changes."""
    for language, words in (("en", "language model"), ("fr", "modèle de langage")):
        reason = unavailable_reason(teller.assistant, OFFLINE, language)
        assert reason and words in reason and "CHAT_MODEL" in reason and "docs/stories.md" in reason
        with pytest.raises(AssistantUnavailable, match=words):
            teller.tell("Raconte.", [FIRST], model_name=OFFLINE, language=language)
    assert teller.model.prompts == []
    assert unavailable_reason(teller.assistant, "openai:any", "en") is None


# Through the conversation


def start(store: Store, clock: Clock, form: dict[str, str] = FORM, name: str = "t1") -> None:
    """Start a thread of stories with a form."""
    store.write(threads.add_thread, Thread(name, "stories", "api", "beta-1", "beta", None, "fr", clock()))
    store.write(forms.add_form, name, [FormEntry(field, value, "text") for field, value in form.items()])


async def ask(counter: Counter, text: str) -> Event:
    """Ask in the thread `t1`, and give the last event."""
    turn = await counter.conversation.open_turn(Question("t1", "beta-1", text))
    return [event async for event in counter.conversation.run_turn(turn, StopSignal())][-1]


@BOTH_STORES
async def test_thread_becomes_a_story(make_counter: MakeCounter, store: Store, clock: Clock) -> None:
    """What is stored reads as one story; a refused turn is logged as one and leaves the story as it was."""
    counter = make_counter(script=[FIRST])
    start(store, clock)
    reply = await ask(counter, "Raconte-moi une histoire.")
    assert isinstance(reply, Reply) and reply.draft is not None and reply.draft.subject == "La lampe"
    counter.model.script = ["## Le bateau\n\nIl y avait une cigarette. Elle fumait."]
    refused = await ask(counter, "Continuer")
    assert isinstance(refused, Reply) and "cigarette" not in refused.answer
    counter.model.script = [SECOND]
    await ask(counter, "Continuer")
    assert "chapter 2 of 3" in str(counter.model.prompts[-1][-1].content)
    assert counter.list_statuses() == ["complete", "refused", "complete"]
    messages = counter.list_messages()
    assert all(message.is_personal for message in messages if message.origin == "bot")
    story = assemble_story(pair_turns(messages))
    assert (story.title, [chapter.title for chapter in story.chapters]) == (
        "La lampe",
        ["Le phare", "Le bateau"],
    )


async def test_offline_turn_is_refused_before_anything_is_stored(
    make_counter: MakeCounter, store: Store, clock: Clock
) -> None:
    """Without a model a thread of stories takes no message."""
    counter = make_counter(is_offline=True)
    start(store, clock)
    with pytest.raises(AssistantUnavailable):
        await ask(counter, "Raconte.")
    assert counter.list_messages() == []


async def test_provider_that_fails_leaves_no_chapter(
    make_counter: MakeCounter, store: Store, clock: Clock
) -> None:
    """A chapter that broke off is failed, and the next message begins again."""
    counter = make_counter(script=["# La lampe\n\n## Le", RuntimeError("gone")])
    start(store, clock)
    assert isinstance(await ask(counter, "Raconte."), Failed)
    assert assemble_story(pair_turns(counter.list_messages())).chapters == ()


# Reading the story together; no store is needed


TOLD = [("Raconte.", FIRST), ("Continuer", SECOND)]


def read(pairs: list[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
    """Give title and chapters."""
    story = assemble_story(pairs)
    return story.title, [(chapter.title, chapter.text) for chapter in story.chapters]


PHARE = ("Le phare", "Nour monta. La mer dormait.")
BATEAU = ("Le bateau", "Un bateau vint. Il était vide.")


@pytest.mark.parametrize(
    ("pairs", "title", "chapters"),
    [
        ([], "", []),
        (TOLD, "La lampe", [PHARE, BATEAU]),
        ([*TOLD, ("Une autre fin", "## La fin\n\nIl coula.")], "La lampe", [PHARE, ("La fin", "Il coula.")]),
        ([*TOLD, ("Plus de pluie", "## Pluie\n\nIl plut.")], "La lampe", [PHARE, ("Pluie", "Il plut.")]),
        ([*TOLD, ("Another title!", "# *Nour et la mer*\n")], "Nour et la mer", [PHARE, BATEAU]),
        ([*TOLD, ("Un autre titre", "## Nour")], "Nour", [PHARE, BATEAU]),
        ([*TOLD, ("Un autre titre", "Nour, enfin\n\nVoilà !")], "Nour, enfin", [PHARE, BATEAU]),
        ([*TOLD, ("Go on", "")], "La lampe", [PHARE, BATEAU]),
        ([("Raconte.", ""), ("Continuer", FIRST)], "La lampe", [PHARE]),
        (
            [*TOLD, ("Go on", "# Le retour\n\nIl revint.")],
            "La lampe",
            [PHARE, BATEAU, ("Le retour", "Il revint.")],
        ),
        (
            [*TOLD, ("Go on", "# Autre\n\n## Le retour\n\nA.")],
            "La lampe",
            [PHARE, BATEAU, ("Le retour", "A.")],
        ),
        ([*TOLD, ("Appelle-la Mer", "# Mer\n\n## Eau\n\nA.")], "Mer", [PHARE, ("Eau", "A.")]),
        (
            [("Raconte.", "Il était une fois.\n\n### Soir\n\nRien.")],
            "",
            [("", "Il était une fois.\n\n### Soir\n\nRien.")],
        ),
        ([("Raconte.", "# T\n\nIl était une fois.")], "T", [("", "Il était une fois.")]),
        ([("Raconte.", "# T\n\n## A\n\na\n\n## B\n\nb"), ("Autre chose", "## C\n\nc")], "T", [("C", "c")]),
        ([("Raconte.", "# T\n\n## Vide\n\n## B\n\nb")], "T", [("B", "b")]),
    ],
)
def test_story_is_read_together(
    pairs: list[tuple[str, str]], title: str, chapters: list[tuple[str, str]]
) -> None:
    """Going on adds, a title renames, all else replaces the last answer's; headings set amiss are read too."""
    assert read(pairs) == (title, chapters)


@pytest.mark.parametrize(
    ("value", "age"),
    [("8", 8), ("7.5", 7), ("6-8", 6), ("adult", None), ("", None), ("999", 120), ("-4", None)],
)
def test_age_is_read_from_number_and_choice(value: str, age: int | None) -> None:
    """A form may ask for the age by a number or by a choice that begins with one."""
    assert read_age({"age": value}) == age
    assert read_age({}) is None


def test_wishes_differ_in_both_languages() -> None:
    """No two wishes share their words."""
    words = [text for wish in WISHES for text in wish.texts.values()]
    assert len(set(words)) == 2 * len(WISHES)
    assert describe_story("## Le phare\n\nNour.", "fr").subject == "Le phare"
