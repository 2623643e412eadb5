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
        self._refreshing = threading.Lock()
        self._stop = threading.Event()
        if not folder.is_dir():
            raise SettingsError(
                [f"ASSISTANTS_DIR={folder}: there is no such folder. Name one with YAML files."]
            )
        self.refresh()
        if is_patient:
            return
        lost = [fault for name, fault in self._faults.items() if name not in self._editions]
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
        """The one for those who name none: `support`, else the first."""
        editions = self._editions
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
            changed = dict(self._read_folder())
            if self._store is None:
                self._editions = {
                    name: Edition(file.definition, file.text)
                    for name, file in self._files.items()
                    if file.definition
                }
                return
            if self._is_recording:
                for name, is_seen in changed.items():
                    self._record(self._store, name, is_seen=is_seen)
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

    def _read_folder(self) -> Iterator[tuple[str, bool]]:
        """Read the files that are new or changed; give their names, and whether they were seen to change."""
        found: dict[str, _File] = {}
        faults: dict[str, str] = {}
        for path in self._list_paths():
            name, before, signature = path.stem, self._files.get(path.stem), _sign(path)
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
            yield name, before is not None and before.text != text
        self._files, self._faults = found, faults

    def _list_paths(self) -> list[Path]:
        try:
            return sorted(path for path in self._folder.iterdir() if path.suffix in ENDINGS)
        except OSError:
            # A folder that is gone for a moment (a volume, a deployment) takes no assistant away.
            return [self._folder / f"{name}.yaml" for name in self._files]

    def _record(self, store: Store, name: str, *, is_seen: bool) -> None:
        file = self._files[name]
        written_at = datetime.fromtimestamp(file.signature[0] / 1e9, UTC)
        store.write(versions.record_file, name, file.text, written_at, store.clock(), is_changed=is_seen)

    def _read_store(self, store: Store) -> Iterator[tuple[str, Edition]]:
        numbers = store.read(versions.list_newest_numbers)
        for name, number in sorted(numbers.items()):
            known = self._editions.get(name)
            if not known or known.version != number:
                version = store.read(versions.read_version, name, number)
                if version and not version.definition:
                    # Withdrawn.
                    continue
                known = (_open(version) if version else None) or known
            # A file's assistant goes with its file; one that the office has published stays.
            if known and (known.author != versions.FILE or name in self._files):
                yield name, known
        for name, file in self._files.items():
            if not self._is_recording and name not in numbers and file.definition:
                yield name, Edition(file.definition, file.text)


def _open(version: Version) -> Edition | None:
    try:
        definition = parse_assistant(version.definition, version.assistant)
    except ValueError as error:
        # Written by a newer version of the service, which shares the store.
        logger.warning(
            "Version %d of the assistant %s cannot be read: %s", version.version, version.assistant, error
        )
        return None
    return Edition(definition, version.definition, version.version, version.author)


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
