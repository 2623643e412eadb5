"""The assistants in force: files that come, change and go, the office's versions, several replicas, faults."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from chatbot.assistants import catalogue
from chatbot.assistants.catalogue import Assistants, read_titles
from chatbot.errors import SettingsError, UnknownAssistant
from chatbot.store import versions
from chatbot.store.engine import Store
from chatbot.store.versions import FILE
from tests.conftest import Clock

GOOD = "title: {{en: {0}}}\nprompt: Be kind.\n"
FAULTY = "title: {en: Broken}\npromt: Be kind.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with one assistant."""
    path = tmp_path / "assistants"
    path.mkdir()
    write(path, "support", "Support")
    return path


def write(folder: Path, name: str, title: str, *, age_s: float = 3600) -> Path:
    """Write an assistant's file, as if so long ago by the tests' clock."""
    return write_text(folder, name, GOOD.format(title), age_s=age_s)


def write_text(folder: Path, name: str, text: str, *, age_s: float = 3600) -> Path:
    """Write a file, as if so long ago by the tests' clock."""
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    written_at = Clock().now.timestamp() - age_s
    os.utime(path, (written_at, written_at))
    return path


def read_title(assistants: Assistants, name: str = "support") -> tuple[str, int | None, str]:
    """Give title, version and author of the edition in force."""
    edition = assistants.find(name)
    return edition.definition.title["en"], edition.version, edition.author


def list_names(assistants: Assistants) -> list[str]:
    """Give the names in force."""
    return [assistant.name for assistant in assistants.list_all()]


def publish(store: Store, text: str, base: int, name: str = "support") -> int:
    """Publish from the office."""
    return store.write(versions.publish, name, text, "anne", "", store.clock(), base=base)


def test_file_that_is_dropped_in_appears(folder: Path, store: Store) -> None:
    """A new file is an assistant at the next look, as version 1, written by `file`; a removed one goes."""
    assistants = Assistants(folder, store)
    assert list_names(assistants) == ["support"]
    path = write(folder, "notes", "Notes")
    assistants.refresh()
    assert list_names(assistants) == ["notes", "support"]
    assert read_title(assistants, "notes") == ("Notes", 1, FILE)
    path.unlink()
    assistants.refresh()
    assert list_names(assistants) == ["support"]
    with pytest.raises(UnknownAssistant, match="notes"):
        assistants.find("notes")


def test_watching_finds_it_by_itself(folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service looks by itself, more often than every five seconds."""
    assert catalogue.LOOK_EVERY_S < 4
    monkeypatch.setattr(catalogue, "LOOK_EVERY_S", 0.01)
    assistants = Assistants(folder, store)
    looked = threading.Event()
    refresh = assistants.refresh
    monkeypatch.setattr(assistants, "refresh", lambda: (refresh(), looked.set()))
    write(folder, "notes", "Notes")
    assistants.start_watching()
    assert looked.wait(20)
    assistants.close()
    assert "notes" in list_names(assistants)


def test_edited_file_is_a_new_version(folder: Path, store: Store, clock: Clock) -> None:
    """Each change of a file is a version of its own, also back to what it was; a file that is touched is none."""
    assistants = Assistants(folder, store)
    clock.advance(hours=1)
    for number, title in enumerate(("Help", "Support"), start=2):
        write(folder, "support", title, age_s=-number)
        assistants.refresh()
        assert read_title(assistants) == (title, number, FILE)
    write(folder, "support", "Support", age_s=-99)
    assistants.refresh()
    assert read_title(assistants) == ("Support", 3, FILE)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (FAULTY, "support.yaml: line 2: promt"),
        ("title: {en: x\n", "support.yaml: line 2: not YAML"),
        ("a: &a [*a]", "support.yaml: line 1: not a definition"),
        ("\ufffd" * 400_000, "support.yaml: larger than"),
    ],
)
def test_faulty_file_leaves_the_last_good_version(folder: Path, store: Store, text: str, fault: str) -> None:
    """A fault names file, line and field; what was in force stays, in this process and at the next start."""
    assistants = Assistants(folder, store)
    write_text(folder, "support", text, age_s=0)
    assistants.refresh()
    assert read_title(assistants) == ("Support", 1, FILE)
    assert fault in assistants.faults["support"]
    again = Assistants(folder, store)
    assert read_title(again) == ("Support", 1, FILE)
    assert fault in again.faults["support"]
    write(folder, "support", "Mended", age_s=-1)
    for one in (assistants, again):
        one.refresh()
        assert read_title(one) == ("Mended", 2, FILE)
        assert one.faults == {}


def test_file_that_is_no_text_is_named(folder: Path, store: Store) -> None:
    """Bytes that are no UTF-8 are a fault like any other."""
    assistants = Assistants(folder, store)
    (folder / "other.yaml").write_bytes(b"title: \xff")
    (folder / "folder.yaml").mkdir()
    assistants.refresh()
    assert "not UTF-8: byte 7" in assistants.faults["other"]
    assert set(assistants.faults) == {"other", "folder"}
    assert list_names(assistants) == ["support"]


def test_first_start_with_a_faulty_file_is_refused(folder: Path, store: Store) -> None:
    """Where no good version is known the service does not start, and says each fault in a line."""
    write_text(folder, "support", "title: 3\n")
    with pytest.raises(SettingsError) as refused:
        Assistants(folder, store)
    assert [line.partition("support.yaml: ")[2] for line in refused.value.faults] == [
        "line 1: title: Input should be a valid dictionary",
        "line 1: prompt: Field required",
    ]


def test_folder_without_files_is_refused_at_the_start(tmp_path: Path, store: Store) -> None:
    """A folder that is not there, or is empty, is named with the setting."""
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(SettingsError) as refused:
            Assistants(path, store)
        assert f"ASSISTANTS_DIR={path}" in refused.value.faults[0]


@pytest.mark.parametrize("is_empty", [True, False])
def test_folder_that_is_gone_for_a_moment_takes_nothing_away(
    folder: Path, store: Store, *, is_empty: bool
) -> None:
    """While a volume is away its assistants stay; once it is back nothing has changed."""
    write(folder, "notes", "Notes")
    assistants = Assistants(folder, store)
    away = folder.rename(folder.with_name("away"))
    if is_empty:
        folder.mkdir()
    assistants.refresh()
    assert list_names(assistants) == ["notes", "support"]
    if is_empty:
        folder.rmdir()
    away.rename(folder)
    assistants.refresh()
    assert read_title(assistants) == ("Support", 1, FILE)
    assert assistants.faults == {}


def test_what_is_no_definition_is_left_alone(folder: Path, store: Store) -> None:
    """Hidden files, copies and other files in the folder are nobody's fault; of two of one name the second is."""
    for name in (".support.yaml", "support.yaml~", "support.yaml.bak", "README.md"):
        (folder / name).write_text(FAULTY, encoding="utf-8")
    assistants = Assistants(folder, store)
    assert (list_names(assistants), assistants.faults) == (["support"], {})
    (folder / "support.yml").write_text(GOOD.format("Other"), encoding="utf-8")
    for _ in range(3):
        assistants.refresh()
        assert read_title(assistants) == ("Support", 1, FILE)
    assert "support.yml" in assistants.faults["support"]


def test_replicas_with_old_and_new_files_do_not_flap(tmp_path: Path, store: Store, clock: Clock) -> None:
    """Of two replicas over one store the newer file is in force in both, whoever looks and starts when."""
    old, new = tmp_path / "old", tmp_path / "new"
    for path, title, age_s in ((old, "Old", 7200), (new, "New", 60)):
        path.mkdir()
        write(path, "support", title, age_s=age_s)
    first = Assistants(old, store)
    clock.advance(minutes=10)
    second = Assistants(new, store)
    for one in (first, second, first, Assistants(old, store), second):
        clock.advance(minutes=1)
        one.refresh()
        assert read_title(one) == ("New", 2, FILE)


def test_office_wins_over_an_unchanged_file(folder: Path, store: Store, clock: Clock) -> None:
    """What the office publishes is in force everywhere, after a start too, until the file changes again."""
    assistants, other = Assistants(folder, store), Assistants(folder, store)
    publish(store, GOOD.format("Office"), 1)
    for one in (assistants, other, Assistants(folder, store)):
        one.refresh()
        assert read_title(one) == ("Office", 2, "anne")
    clock.advance(hours=1)
    write(folder, "support", "File", age_s=-1)
    for one in (assistants, other, Assistants(folder, store)):
        one.refresh()
        assert read_title(one) == ("File", 3, FILE)


def test_assistant_of_the_office_needs_no_file(folder: Path, store: Store) -> None:
    """What the office has made has no file; and one whose file it has taken over stays when the file goes."""
    assistants = Assistants(folder, store)
    store.write(versions.publish, "notes", GOOD.format("Notes"), "anne", "", store.clock(), base=None)
    path = write(folder, "other", "Other")
    assistants.refresh()
    publish(store, GOOD.format("Taken over"), 1, "other")
    path.unlink()
    assistants.refresh()
    assert list_names(assistants) == ["notes", "other", "support"]
    assert list_names(Assistants(folder, store)) == ["notes", "other", "support"]


def test_withdrawn_assistant_is_gone_at_once(folder: Path, store: Store, clock: Clock) -> None:
    """An assistant that the office withdraws is nobody's any more, whatever its file, until that changes."""
    write(folder, "notes", "Notes")
    assistants = Assistants(folder, store)
    publish(store, "", 1, "notes")
    for one in (assistants, Assistants(folder, store)):
        one.refresh()
        assert list_names(one) == ["support"]
    write_text(folder, "notes", FAULTY, age_s=-1)
    assert list_names(Assistants(folder, store)) == ["support"]
    clock.advance(hours=1)
    write(folder, "notes", "Again", age_s=-7200)
    assistants.refresh()
    assert read_title(assistants, "notes") == ("Again", 3, FILE)


def test_no_assistant_at_all_is_an_error_of_its_own(folder: Path, store: Store) -> None:
    """Where all are withdrawn there is no default, and that is said."""
    assistants = Assistants(folder, store)
    publish(store, "", 1)
    assistants.refresh()
    with pytest.raises(UnknownAssistant, match="withdrawn"):
        _ = assistants.default


def test_version_of_a_newer_service_keeps_the_last_good_one(
    folder: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """What a newer replica published and this one cannot read is said once; what it can read stays, at a start too."""
    assistants = Assistants(folder, store)
    publish(store, GOOD.format("Office"), 1)
    publish(store, "title: {en: New}\nprompt: x\nfuture: true\n", 2)
    for _ in range(3):
        assistants.refresh()
        assert read_title(assistants) == ("Office", 2, "anne")
    assert len([record for record in caplog.records if "cannot be read" in record.message]) == 1
    assert read_title(Assistants(folder, store)) == ("Office", 2, "anne")


def test_change_is_recorded_once_the_store_is_back(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes while the store is away is a version as soon as it can be written."""
    assistants = Assistants(folder, store)
    write(folder, "support", "Changed", age_s=-1)
    with monkeypatch.context() as patch:
        patch.setattr(versions, "record_file", fail)
        with pytest.raises(RuntimeError):
            assistants.refresh()
    assert read_title(assistants) == ("Support", 1, FILE)
    assistants.refresh()
    assert read_title(assistants) == ("Changed", 2, FILE)


def fail(*_: object, **__: object) -> None:
    """Fail as a store does that is away."""
    raise RuntimeError("away")


def test_reader_records_nothing(folder: Path, store: Store) -> None:
    """Who only reads sees files that are new and what the office has published, and writes no version."""
    Assistants(folder, store)
    publish(store, GOOD.format("Office"), 1)
    write(folder, "notes", "Notes")
    reader = Assistants(folder, store, is_recording=False)
    for _ in range(2):
        reader.refresh()
        assert read_title(reader) == ("Office", 2, "anne")
        assert read_title(reader, "notes") == ("Notes", None, FILE)
    assert store.read(versions.list_newest_numbers) == {"support": 2}
    assert read_titles(folder, store, "en") == {"support": "Office", "notes": "Notes"}


def test_without_a_store_the_files_count(folder: Path) -> None:
    """Where there is no store the files are in force as they are, without a number."""
    assistants = Assistants(folder)
    assert read_title(assistants) == ("Support", None, FILE)
    write_text(folder, "support", FAULTY)
    assistants.refresh()
    assert read_title(assistants) == ("Support", None, FILE)
