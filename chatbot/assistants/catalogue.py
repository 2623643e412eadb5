"""The assistants in force: files of `ASSISTANTS_DIR` and what the office has published, the newest of the two.

A file that is dropped in, changed or taken away is in force within seconds, everywhere. One that is wrong is named, and
the last good version stays. What is published is recorded in the store, so that every process and replica, and the log,
know the same versions.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from chatbot.assistants.definition import DEFAULT_ASSISTANT, Assistant, parse_assistant
from chatbot.errors import GuichetError, SettingsError, UnknownAssistant
from chatbot.store import versions
from chatbot.store.engine import Store
from chatbot.store.versions import Version

LOOK_EVERY_S = 2.0
LARGEST_BYTES = 1_000_000
ENDINGS = (".yaml", ".yml")
Signature = tuple[int, int, int]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Edition:
    """An assistant in force: its definition, as text too, the number of its version, and who wrote it."""

    definition: Assistant
    source: str
    version: int | None = None
    author: str = versions.FILE


@dataclass(frozen=True, slots=True)
class _File:
    signature: Signature
    text: str
    definition: Assistant | None


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the store holds of an assistant: the newest version's number, and what is in force."""

    newest: int
    edition: Edition | None


class Assistants:
    """The assistants in force.

    Args:
        store: keeps the versions; None where only the files count.
        is_recording: whether files that are new become versions: not in a process that only reads.
        is_patient: whether files that are wrong, or none at all, are no reason to give up: the office mends them.

    Raises:
        SettingsError: the folder is missing or empty, or a file is wrong and no good version of it is known: one
            sentence per fault, with file, line and field.
    """

    def __init__(
        self,
        folder: Path,
        store: Store | None = None,
        *,
        is_recording: bool = True,
        is_patient: bool = False,
    ) -> None:
        self._folder = folder
        self._store = store
        self._is_recording = is_recording
        self._files: dict[str, _File] = {}
        self._editions: dict[str, Edition] = {}
        self._faults: dict[str, str] = {}
        # Files that are not in the store yet, and whether they were seen to change.
        self._unrecorded: dict[str, bool] = {}
        self._opened: dict[str, _Opened] = {}
        self._refreshing = threading.Lock()
        self._stop = threading.Event()
        if not folder.is_dir():
            raise SettingsError(
                [f"ASSISTANTS_DIR={folder}: there is no such folder. Name one with YAML files."]
            )
        self.refresh()
        if is_patient:
            return
        # One that is withdrawn is not missed.
        lost = [fault for name, fault in self._faults.items() if name not in {*self._editions, *self._opened}]
        if lost:
            raise SettingsError([line for fault in lost for line in fault.splitlines()])
        if not self._editions:
            raise SettingsError(
                [f"ASSISTANTS_DIR={folder}: holds no .yaml file. Add one, such as support.yaml."]
            )

    def get(self, name: str) -> Assistant:
        """Give an assistant.

        Raises:
            UnknownAssistant: there is none of this name.
        """
        return self.find(name).definition

    def find(self, name: str) -> Edition:
        """Give an assistant with its version.

        Raises:
            UnknownAssistant: there is none of this name.
        """
        editions = self._editions
        if name not in editions:
            raise UnknownAssistant(
                f"There is no assistant {name!r}. There are: {', '.join(sorted(editions))}."
            )
        return editions[name]

    def list_all(self) -> list[Assistant]:
        """Give every assistant, by name."""
        return [edition.definition for _, edition in sorted(self._editions.items())]

    def list_editions(self) -> list[Edition]:
        """Give every assistant with its version, by name."""
        return [edition for _, edition in sorted(self._editions.items())]

    @property
    def default(self) -> Assistant:
        """The one for those who name none: `support`, else the first.

        Raises:
            UnknownAssistant: all are withdrawn.
        """
        editions = self._editions
        if not editions:
            raise UnknownAssistant("No assistant is in force: all are withdrawn.")
        return (editions.get(DEFAULT_ASSISTANT) or next(iter(editions.values()))).definition

    @property
    def faults(self) -> dict[str, str]:
        """What is wrong with files, by assistant; the last good version of each is in force."""
        return dict(self._faults)

    def read_titles(self, language: str) -> dict[str, str]:
        """Give the titles that readers see, by assistant."""
        return {assistant.name: assistant.say(assistant.title, language) for assistant in self.list_all()}

    def refresh(self) -> None:
        """Look at folder and store.

        Raises:
            StoreUnavailable: the store cannot be read; what was in force stays.
        """
        with self._refreshing:
            for name, is_seen in self._read_folder().items():
                self._unrecorded[name] = is_seen or self._unrecorded.get(name, False)
            if self._store is None:
                self._editions = {
                    name: Edition(file.definition, file.text)
                    for name, file in self._files.items()
                    if file.definition
                }
                return
            if self._is_recording:
                for name in [name for name in self._unrecorded if name in self._files]:
                    self._record(self._store, name, is_seen=self._unrecorded[name])
                self._unrecorded.clear()
            self._editions = dict(self._read_store(self._store))

    def start_watching(self) -> None:
        """Look every two seconds, in a thread, until `close`."""
        threading.Thread(target=self._watch, name="assistants", daemon=True).start()

    def close(self) -> None:
        """End the watching."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            try:
                self.refresh()
            except GuichetError as error:
                logger.warning("The assistants cannot be looked at: %s", error)
            except Exception:
                logger.exception("The assistants cannot be looked at")

    def _read_folder(self) -> dict[str, bool]:
        """Read the files that are new or changed; give their names, and whether they were seen to change."""
        paths = self._list_paths()
        if not paths:
            # A folder that is gone or empty for a moment (a volume, a deployment) takes no assistant away.
            return {}
        found: dict[str, _File] = {}
        faults: dict[str, str] = {}
        changed: dict[str, bool] = {}
        for path in paths:
            name, before, signature = path.stem, self._files.get(path.stem), _sign(path)
            if name in found:
                faults[name] = f"{path}: {name} is defined by another file too. Remove one of the two."
                continue
            if before and before.signature == signature:
                found[name] = before
                if name in self._faults:
                    faults[name] = self._faults[name]
                continue
            try:
                text = _read(path)
                found[name] = _File(signature, text, parse_assistant(text, name))
            except (OSError, ValueError) as error:
                # The last good text stays with the new signature: it is read again once it changes.
                found[name] = replace(before, signature=signature) if before else _File(signature, "", None)
                faults[name] = "\n".join(f"{path}: {line}" for line in str(error).splitlines())
                logger.warning(
                    "An assistant is defined wrongly, its last good version stays: %s", faults[name]
                )
                continue
            changed[name] = before is not None and before.text != text
        self._files, self._faults = found, faults
        return changed

    def _list_paths(self) -> list[Path]:
        try:
            # What begins with a dot is an editor's own, or a half-written copy.
            return sorted(
                path
                for path in self._folder.iterdir()
                if path.suffix in ENDINGS and not path.name.startswith(".")
            )
        except OSError:
            return []

    def _record(self, store: Store, name: str, *, is_seen: bool) -> None:
        file = self._files[name]
        written_at = datetime.fromtimestamp(file.signature[0] / 1e9, UTC)
        store.write(versions.record_file, name, file.text, written_at, store.clock(), is_changed=is_seen)

    def _read_store(self, store: Store) -> Iterator[tuple[str, Edition]]:
        numbers = store.read(versions.list_newest_numbers)
        for name, number in sorted(numbers.items()):
            if name not in self._opened or self._opened[name].newest != number:
                self._opened[name] = _Opened(number, self._open(store, name))
            edition = self._opened[name].edition
            # A file's assistant goes with its file; one that the office has published stays.
            if edition and (edition.author != versions.FILE or name in self._files):
                yield name, edition
        for name, file in self._files.items():
            if not self._is_recording and name not in numbers and file.definition:
                yield name, Edition(file.definition, file.text)

    def _open(self, store: Store, name: str) -> Edition | None:
        """Give the newest version that can be read; None where the assistant is withdrawn."""
        for version in store.read(versions.list_versions, name):
            if version.published_at is None:
                continue
            if not version.definition:
                return None
            try:
                definition = self._parse(version)
            except ValueError as error:
                # Written by a newer version of the service, which shares the store.
                logger.warning(
                    "Version %d of the assistant %s cannot be read, the one before stays: %s",
                    version.version,
                    name,
                    error,
                )
                continue
            return Edition(definition, version.definition, version.version, version.author)
        return None

    def _parse(self, version: Version) -> Assistant:
        file = self._files.get(version.assistant)
        if file and file.definition and file.text == version.definition:
            return file.definition
        return parse_assistant(version.definition, version.assistant)


def _sign(path: Path) -> Signature:
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise ValueError(f"larger than {LARGEST_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte {error.start}") from error


def read_titles(folder: Path, store: Store, language: str) -> dict[str, str]:
    """Give the titles that readers see, by assistant; none where a definition is wrong: no report waits for it."""
    try:
        return Assistants(folder, store, is_recording=False).read_titles(language)
    except SettingsError:
        return {}
