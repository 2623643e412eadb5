"""The documentation that ships with the product: whole, in two languages, true of the code, and found by the bot."""

from __future__ import annotations

import argparse
import asyncio
import re
import shlex
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from apps.admin import texts as admin_texts
from apps.chat import texts as chat_texts
from apps.chat.wire import STATUS_OF_CODE
from chatbot import settings as settings_module
from chatbot.assistants.catalogue import Assistants
from chatbot.assistants.definition import Assistant
from chatbot.cli import build_parser
from chatbot.commands.build import build_turns
from chatbot.commands.config import list_faults
from chatbot.events import Reply
from chatbot.knowledge.markdown import parse_document
from chatbot.knowledge.retriever import Knowledge
from chatbot.log import schema, views
from chatbot.log.sample import write_sample_file
from chatbot.questions import Question
from chatbot.settings import Settings, load_settings
from chatbot.store import threads
from chatbot.store.engine import Store
from chatbot.store.records import Thread
from chatbot.turns import Turns

ROOT = Path(__file__).parent.parent
KNOWLEDGE = ROOT / "data" / "knowledge"
ASSISTANTS = ROOT / "data" / "assistants"
LANGUAGES = ("en", "fr")
PAGES = sorted(path.relative_to(KNOWLEDGE).as_posix() for path in KNOWLEDGE.rglob("*.md"))

# Written in capitals without being a setting: placeholders of examples, variables of a shell, a signal.
NOT_SETTINGS = {"THREAD_ID", "MESSAGE_ID", "PROMPT_ID"}
SETTINGS = {name.upper() for name in Settings.model_fields}
# Settings that this version refuses: a page that names one would promise what is not there.
REFUSED = {name.upper() for name in settings_module.NOT_YET}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"python -m chatbot [^\n`]*")
_ASSIGNMENT = re.compile(r"^([A-Z][A-Z_]+)=(.*)$", re.MULTILINE)


def read(page: str) -> str:
    """Read a page of the documentation."""
    return (KNOWLEDGE / page).read_text(encoding="utf-8")


def prose_of(text: str) -> str:
    """Leave out the code blocks."""
    return _FENCE.sub("", text)


def list_blocks(page: str, language: str) -> list[str]:
    """Give the code blocks of a language, without their fences."""
    return [match[2] for match in _FENCE.finditer(read(page)) if match[1] == language]


def list_headings(text: str) -> list[str]:
    """Give the headings of a page with their signs."""
    return re.findall(r"^#{1,6} .+$", prose_of(text), re.MULTILINE)


def list_examples() -> list[tuple[str, str]]:
    """Give every example question of the support assistant with its language."""
    support: Assistant = Assistants(ASSISTANTS).get("support")
    return [(language, question) for language in LANGUAGES for question in support.examples[language]]


@pytest.fixture(scope="module")
def sample_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish a sample log."""
    path = tmp_path_factory.mktemp("log") / "conversations.duckdb"
    write_sample_file(path, messages=600, days=10, seed=4, now=datetime(2025, 3, 1, tzinfo=UTC))
    return path


@pytest.fixture
def turns(tmp_path: Path) -> Iterator[Turns]:
    """Give what answers questions from the product's own documentation, with the offline model."""
    settings = load_settings(data_dir=tmp_path, knowledge_dir=KNOWLEDGE, assistants_dir=ASSISTANTS)
    knowledge = Knowledge(settings.knowledge_dir, settings.private_dir / "index")
    with closing(Store(settings.store_path)) as store:
        yield build_turns(settings, store, Assistants(settings.assistants_dir), knowledge)


async def ask(turns: Turns, text: str, language: str) -> Reply:
    """Ask one question in a thread of its own."""
    store = turns.conversation.store
    thread = Thread(
        thread_id=f"00000000-0000-4000-8000-{abs(hash(text)) % 10**12:012d}",
        assistant="support",
        channel="cli",
        tester="test",
        code_label=None,
        wave=None,
        language=language,
        created_at=store.clock(),
    )
    await asyncio.to_thread(store.write, threads.add_thread, thread)
    turn = await turns.start(Question(thread.thread_id, "test", text))
    events = [event async for _, event in turns.listen(turn.message_id, "test")]
    assert isinstance(events[-1], Reply), events[-1]
    return events[-1]


def test_both_languages_have_the_same_pages() -> None:
    """English and French have the same files, at least nine each."""
    names = {language: {path.name for path in (KNOWLEDGE / language).glob("*.md")} for language in LANGUAGES}
    assert names["en"] == names["fr"]
    assert len(names["en"]) >= 9
    assert {page.split("/")[0] for page in PAGES} == set(LANGUAGES)


@pytest.mark.parametrize("name", sorted(path.name for path in (KNOWLEDGE / "en").glob("*.md")))
def test_a_page_has_the_same_outline_in_both_languages(name: str) -> None:
    """A section that one language has the other has too, at the same place, with as many code blocks."""
    english, french = (read(f"{language}/{name}") for language in LANGUAGES)
    levels = [[heading.split(" ")[0] for heading in list_headings(text)] for text in (english, french)]
    assert levels[0] == levels[1]
    assert [match[1] for match in _FENCE.finditer(english)] == [match[1] for match in _FENCE.finditer(french)]
    assert {*_NAME.findall(english)} == {*_NAME.findall(french)}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_begins_with_its_only_title(page: str) -> None:
    """Each page has one first-level heading, at its beginning, and no heading twice."""
    headings = list_headings(read(page))
    assert read(page).startswith("# ")
    assert len([heading for heading in headings if heading.startswith("# ")]) == 1
    assert len(headings) == len(set(headings))
    assert len(headings) >= 6


@pytest.mark.parametrize("page", PAGES)
def test_settings_named_on_a_page_exist(page: str) -> None:
    """A name in capitals is a setting that this version heeds."""
    named = {name for span in _SPAN.findall(prose_of(read(page))) for name in _NAME.findall(span)}
    blocks = "\n".join(match[2] for match in _FENCE.finditer(read(page)) if match[1] == "bash")
    named |= {name for name, _ in _ASSIGNMENT.findall(blocks)}
    assert named <= (SETTINGS - REFUSED) | NOT_SETTINGS


def test_the_settings_page_names_every_setting_that_is_heeded() -> None:
    """Whoever looks for a setting finds it in a table, with its default."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", read("en/settings.md"), re.MULTILINE)
    single_sign_on = {name for name in SETTINGS if name.startswith("OIDC_")}
    assert {name for name, _ in rows} == SETTINGS - REFUSED - single_sign_on
    for name, shown in rows:
        default = Settings.model_fields[name.lower()].default
        if isinstance(default, bool):
            assert shown == str(default).lower(), name
        elif isinstance(default, int | float) or default:
            assert shown.strip("`") == str(default), name


@pytest.mark.parametrize("page", PAGES)
def test_settings_of_examples_are_accepted(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a code block assigns is accepted when it stands in `.env`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    for block in list_blocks(page, "bash"):
        if not _ASSIGNMENT.search(block) or "make run" in block:
            continue
        (tmp_path / ".env").write_text(block, encoding="utf-8")
        names = {name.lower() for name, _ in _ASSIGNMENT.findall(block)}
        settings = load_settings()
        assert {name for name in names if not getattr(settings, name)} == set()
        assert not [fault for fault in list_faults(settings) if fault.startswith("CHAT_HOST")]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """A link to another page names a page of the same language, and a heading that it has."""
    for target in _LINK.findall(prose_of(read(page))):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        linked = KNOWLEDGE / Path(page).parent / name if name else KNOWLEDGE / page
        assert linked.is_file(), target
        document = parse_document(linked.read_text(encoding="utf-8"), "untitled")
        assert not anchor or anchor in {section.anchor for section in document.sections}, target


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_understood(page: str) -> None:
    """Every command of the product that a page shows is one that its parser takes."""
    parser = build_parser()
    commands = parser._subparsers
    assert commands is not None
    choices = next(action for action in commands._actions if isinstance(action, argparse._SubParsersAction))
    for line in _COMMAND.findall(read(page)):
        words = shlex.split(line)[3:]
        assert words[0] in choices.choices, line
        is_whole = line in "\n".join(list_blocks(page, "bash")) or len(words) > 1
        if is_whole:
            parser.parse_args(words)


def test_every_command_is_on_the_page_of_commands() -> None:
    """The page of commands names all of them, and all the actions on accounts and codes."""
    shown = {tuple(shlex.split(line)[3:5]) for line in _COMMAND.findall(read("en/commands.md"))}
    commands = build_parser()._subparsers
    assert commands is not None
    choices = next(action for action in commands._actions if isinstance(action, argparse._SubParsersAction))
    assert {words[0] for words in shown} == set(choices.choices)
    assert {words[1] for words in shown if words[0] == "users"} == {"add", "list", "passwd", "remove"}
    assert {words[1] for words in shown if words[0] == "codes"} == {"add", "list", "revoke"}


@pytest.mark.parametrize("page", [f"{language}/conversation-log.md" for language in LANGUAGES])
def test_queries_run_against_a_published_log(page: str, sample_log: Path) -> None:
    """Each SQL example runs, and each but the search for a word finds something."""
    queries = list_blocks(page, "sql")
    assert len(queries) >= 5
    with closing(duckdb.connect(sample_log, read_only=True)) as log:
        for query in queries:
            rows = log.execute(query).fetchall()
            assert rows or "contains(" in query, query


@pytest.mark.parametrize("page", [f"{language}/conversation-log.md" for language in LANGUAGES])
def test_python_examples_run_against_a_published_log(
    page: str, sample_log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each Python example prints something when it is run where a published log is."""
    folder = sample_log.parent / "data"
    folder.mkdir(exist_ok=True)
    link = folder / "conversations.duckdb"
    link.unlink(missing_ok=True)
    link.symlink_to(sample_log)
    monkeypatch.chdir(sample_log.parent)
    for example in list_blocks(page, "python"):
        exec(compile(example, page, "exec"), {})  # noqa: S102 - our own documentation
        assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("page", [f"{language}/conversation-log.md" for language in LANGUAGES])
def test_tables_and_views_are_all_named(page: str) -> None:
    """The page of the log names every table and view, and no column that the log has not."""
    text = read(page)
    tables = {
        table.name: {column.name for column in table.columns} for table in (*schema.TABLES, schema.LOG_INFO)
    }
    names = {*tables, *(view.name for view in views.VIEWS)}
    assert {name for name in names if f"`{name}`" not in text} == set()
    columns = text.split("| `message_id`", 1)[1].split("\n\n", 1)[0].splitlines()
    named = {
        name
        for row in ["| `message_id`" + columns[0], *columns[1:]]
        for name in _SPAN.findall(row.split("|")[1])
    }
    assert named <= tables["messages"]


@pytest.mark.parametrize("page", [f"{language}/http-api.md" for language in LANGUAGES])
def test_error_codes_stand_beside_their_status(page: str) -> None:
    """The table of errors says of each code the status that the service sends."""
    rows = re.findall(r"^\| (\d{3}) \| (.+?) \|$", read(page), re.MULTILINE)
    told = {code: int(status) for status, codes in rows for code in _SPAN.findall(codes) if code.islower()}
    assert told == {code: status for code, status in STATUS_OF_CODE.items() if code in told}
    assert set(STATUS_OF_CODE) - set(told) == {"method_not_allowed", "starting"}


@pytest.mark.parametrize("name", ["admin-dashboard.md", "asking-questions.md", "beta-access.md"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_are_those_of_the_pages(name: str, language: str) -> None:
    """What stands in bold is written on a button, a page or a row, in the reader's language."""
    admin = admin_texts.FRENCH if language == "fr" else admin_texts.ENGLISH
    labels = {text.lower() for text in (*chat_texts.TEXTS[language].values(), *admin.values())}
    named = {label.lower() for label in re.findall(r"\*\*(.+?)\*\*", read(f"{language}/{name}"))}
    assert named
    assert named <= labels


@pytest.mark.parametrize(("language", "question"), list_examples())
async def test_example_questions_get_a_cited_answer(turns: Turns, language: str, question: str) -> None:
    """Each example that a tester can click is answered from a page of the tester's language."""
    reply = await ask(turns, question, language)
    assert reply.answered
    assert reply.passages
    assert reply.passages[0].source.startswith(f"{language}/")


@pytest.mark.parametrize(
    ("language", "question", "source", "expected"),
    [
        ("en", "How do I set a beta password?", "en/beta-access.md", "BETA_PASSWORD="),
        ("fr", "Comment définir un mot de passe bêta ?", "fr/beta-access.md", "BETA_PASSWORD="),
        ("en", "How can I query the log with DuckDB?", "en/conversation-log.md", "duckdb -readonly"),
        ("fr", "Comment interroger le journal avec DuckDB ?", "fr/conversation-log.md", "duckdb -readonly"),
        ("en", "What limits does a session have?", "en/limits.md", "MAX_MESSAGES"),
        ("fr", "Quelles sont les limites d'une session ?", "fr/limits.md", "MAX_MESSAGES"),
        ("en", "How do I connect a language model?", "en/language-models.md", "CHAT_MODEL"),
        ("fr", "Comment brancher un modèle de langage ?", "fr/language-models.md", "CHAT_MODEL"),
        ("en", "What is Guichet?", "en/getting-started.md", "a chatbot for documentation"),
        ("fr", "C'est quoi Guichet ?", "fr/getting-started.md", "un assistant de documentation"),
        ("en", "I forgot my admin password, what can I do?", "en/admin-dashboard.md", "users passwd"),
        ("fr", "J'ai oublié mon mot de passe admin, que faire ?", "fr/admin-dashboard.md", "users passwd"),
        ("en", "How do I delete the conversations of a tester?", "en/data-and-privacy.md", "erase --tester"),
        (
            "fr",
            "Comment supprimer les conversations d'un testeur ?",
            "fr/data-and-privacy.md",
            "erase --tester",
        ),
        ("en", "Port 7860 is already in use", "en/troubleshooting.md", "CHAT_PORT="),
        ("fr", "Le port 7860 est déjà utilisé", "fr/troubleshooting.md", "CHAT_PORT="),
    ],
)
async def test_newcomers_questions_are_answered(
    turns: Turns, language: str, question: str, source: str, expected: str
) -> None:
    """A newcomer's question gets the command or setting that answers it, from the page that treats of it."""
    reply = await ask(turns, question, language)
    assert reply.answered
    assert source in {passage.source for passage in reply.passages}
    assert expected in reply.answer


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("en", "What is the weather in Paris?"),
        ("en", "Who won the football world cup?"),
        ("fr", "Quel temps fait-il à Paris ?"),
        ("fr", "Qui a gagné la coupe du monde de football ?"),
    ],
)
async def test_questions_about_something_else_are_refused(turns: Turns, language: str, question: str) -> None:
    """What the documentation does not treat of is refused."""
    reply = await ask(turns, question, language)
    assert not reply.answered
    assert not reply.passages
