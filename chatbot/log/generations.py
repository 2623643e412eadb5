"""The files of the published log: numbered generations, the link to the current one, and the publisher's notes.

A generation is `published/<number>.duckdb`; `conversations.duckdb` is a link to one of them, moved by rename. What is
being built has a name that begins with a dot. The notes (`private/published.json`) say which files are ours, untouched.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from chatbot.errors import LogUnavailable

# As many digits as a BIGINT surely holds: whatever else lies there is not of ours.
NUMBERED = re.compile(r"^([1-9][0-9]{0,15})\.duckdb$")
BUILDING = ".building-"

# Opens through the link resolve it first: the old file must outlive the moment between.
GRACE_S = 30.0
# After an erasure the old files hold what was erased.
ERASED_GRACE_S = 5.0
KEPT = 3


@dataclass(frozen=True, slots=True)
class Layout:
    """Where an edition of the log lies: its link and folder in the data folder, its notes in `private/`."""

    link: str
    folder: str
    notes: str


COMPLETE = Layout("conversations.duckdb", "published", "published.json")
SHAREABLE = Layout("conversations-shareable.duckdb", "published-shareable", "published-shareable.json")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What changes as soon as somebody writes into a file, or puts another in its place."""

    device: int
    inode: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Notes:
    """What the publisher remembers about its files.

    `fingerprints` and `replaced_at` (seconds since 1970) are by generation. Generations below `erased_below` may hold
    erased rows; `erasure` names the last erasure (store id, change) that was carried out. `checked_at` is when the
    current one was last known to hold all that is stored: published anew, or found to need nothing. `ahead` are those
    that hold changes which the store has lost since; they stay until they are erased, or unlinked by hand.
    """

    fingerprints: dict[int, Fingerprint] = field(default_factory=dict)
    replaced_at: dict[int, float] = field(default_factory=dict)
    erased_below: int = 0
    erasure: tuple[str, int] = ("", 0)
    checked_at: datetime | None = None
    ahead: tuple[int, ...] = ()


def read_notes(data_dir: Path, layout: Layout = COMPLETE) -> Notes:
    """Read the publisher's notes; empty where there are none or they are damaged."""
    try:
        found = json.loads((data_dir / "private" / layout.notes).read_text(encoding="utf-8"))
        return Notes(
            fingerprints={
                int(number): Fingerprint(**value) for number, value in found["fingerprints"].items()
            },
            replaced_at={int(number): float(value) for number, value in found["replaced_at"].items()},
            erased_below=int(found["erased_below"]),
            erasure=(str(found["erasure"][0]), int(found["erasure"][1])),
            checked_at=datetime.fromisoformat(found["checked_at"]).astimezone(UTC)
            if found["checked_at"]
            else None,
            # Notes of earlier versions have none.
            ahead=tuple(map(int, found.get("ahead", ()))),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return Notes()


class Generations:
    """The generations of one edition under a data folder. The caller holds the publisher's lock."""

    def __init__(self, data_dir: Path, layout: Layout = COMPLETE) -> None:
        self.data_dir = data_dir
        self.layout = layout
        self.folder = data_dir / layout.folder
        self.link = data_dir / layout.link
        self.notes = Notes()

    def prepare(self) -> None:
        """Make the folders, read the notes, and remove what a publisher that was killed left behind.

        Raises:
            LogUnavailable: something else lies where the folder or the link has to be.
        """
        self._check_room()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.data_dir / "private").mkdir(mode=0o700, exist_ok=True)
        self.notes = read_notes(self.data_dir, self.layout)
        for path in self.folder.glob(f"{BUILDING}*"):
            _remove(path)
        for path in self.data_dir.glob(f".{self.layout.link}-*"):
            _remove(path)
        for path in (self.data_dir / "private").glob(f".{self.layout.notes}.*"):
            _remove(path)
        current = self.find_current()
        for number in self.list_numbers():
            # Never linked: its publisher was killed just before.
            if current is not None and number > current:
                _remove(self.locate(number))
        # DuckDB 1.4 puts the journal of one who opened the link for writing beside the link.
        _remove(_journal(self.link))

    def find_current(self) -> int | None:
        """Give the number of the generation that the link points to."""
        try:
            target = self.link.readlink()
        except OSError:
            return None
        match = NUMBERED.match(target.name)
        # Exactly as `install` writes it: a link to a file of the same name elsewhere leads readers elsewhere.
        return int(match[1]) if match and target == Path(self.folder.name) / target.name else None

    def locate(self, number: int) -> Path:
        """Give the path of a generation."""
        return self.folder / f"{number}.duckdb"

    def is_untouched(self, number: int) -> bool:
        """Tell whether a generation is exactly the file that was published."""
        path = self.locate(number)
        noted = self.notes.fingerprints.get(number)
        return noted is not None and not _journal(path).exists() and noted == take_fingerprint(path)

    def choose_next(self) -> int:
        """Give a number above every one that was ever used."""
        used = {*self.list_numbers(), *self.notes.fingerprints, *self.notes.replaced_at}
        return max({*used, self.find_current() or 0}, default=0) + 1

    def choose_building(self) -> Path:
        """Give a name that no file of this process ever had: DuckDB remembers fatal opens by name."""
        return self.folder / f"{BUILDING}{secrets.token_hex(8)}.duckdb"

    def discard(self, building: Path) -> None:
        """Remove a file under construction and all that DuckDB put beside it."""
        for path in building.parent.glob(f"{building.name}*"):
            _remove(path)

    def install(self, building: Path, number: int, now: datetime, *, erasure: tuple[str, int]) -> None:
        """Make a finished file the current generation, durably, in one step for every reader.

        Args:
            erasure: the store's last erasure (store id, change), 0 for none: where it is a new one, the generations
                before go soon.
        """
        sync(building)
        path = self.locate(number)
        previous = self.find_current()
        noted = {key: value for key, value in self.notes.fingerprints.items() if key == previous}
        replaced = dict(self.notes.replaced_at)
        if previous is not None:
            replaced[previous] = now.timestamp()
        is_erasing = self.is_erasing(erasure)
        # Noted before the link moves: killed between the two, either generation is known as ours.
        self._write_notes(
            replace(
                self.notes,
                fingerprints=noted | {number: _take_known_fingerprint(building)},
                replaced_at=replaced,
                erased_below=number if is_erasing else self.notes.erased_below,
                erasure=erasure if is_erasing else self.notes.erasure,
            ),
            is_durable=True,
        )
        _remove(_journal(path))
        building.rename(path)
        link = self.data_dir / f".{self.layout.link}-{secrets.token_hex(8)}"
        try:
            sync(self.folder)
            link.symlink_to(Path(self.folder.name) / path.name)
            link.rename(self.link)
        except BaseException:
            # Left there, a file would be added at every try, and fill the disk.
            _remove(link)
            _remove(path)
            raise
        sync(self.data_dir)

    def keep_ahead(self, number: int) -> None:
        """Keep a generation that holds changes which the store has lost, until it is erased or unlinked by hand."""
        if number not in self.notes.ahead:
            self._write_notes(replace(self.notes, ahead=(*self.notes.ahead, number)), is_durable=True)

    def note_check(self, now: datetime) -> None:
        """Note that the current generation holds all that was stored at that moment."""
        self._write_notes(replace(self.notes, checked_at=now))

    def clean(self, now: datetime) -> list[int]:
        """Unlink the generations that nobody can be about to open any more, but those that hold what the store lost.

        Returns:
            The numbers of the old ones that still stand and hold erased rows.
        """
        current = self.find_current()
        if current is None:
            return []
        # A clock that was put back would else keep for long what was replaced before.
        replaced = {number: min(at, now.timestamp()) for number, at in self.notes.replaced_at.items()}
        numbers = self.list_numbers()
        kept = {*numbers[-KEPT:], *self.notes.ahead}
        for number in numbers:
            if number == current:
                continue
            is_erased = number < self.notes.erased_below
            age_s = now.timestamp() - replaced.setdefault(number, now.timestamp())
            is_due = age_s >= ERASED_GRACE_S if is_erased else age_s >= GRACE_S and number not in kept
            if is_due:
                _remove(self.locate(number))
                _remove(_journal(self.locate(number)))
        standing = self.list_numbers()
        self._remove_stray_journals(standing)
        self.notes = replace(
            self.notes,
            replaced_at={number: at for number, at in replaced.items() if number in standing},
            ahead=tuple(number for number in self.notes.ahead if number in standing),
        )
        return [number for number in standing if number < self.notes.erased_below and number != current]

    def retire(self) -> None:
        """Take an edition that is no longer published out of reach; its numbers are remembered and not used again."""
        _remove(self.link)
        _remove(_journal(self.link))
        if self.folder.exists():
            sync(self.data_dir)
            _remove(self.folder)

    def is_erasing(self, erasure: tuple[str, int]) -> bool:
        """Tell whether an erasure (store id, change) is one that was not yet carried out here."""
        return erasure[1] > 0 and erasure != self.notes.erasure

    def list_numbers(self) -> list[int]:
        """Give the numbers of the generations that stand, the lowest first."""
        if not self.folder.is_dir():
            return []
        matches = (NUMBERED.match(path.name) for path in self.folder.iterdir())
        return sorted(int(match[1]) for match in matches if match)

    def _check_room(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise LogUnavailable(
                f"The log was not published: {self.folder} has to be a folder. Move it out of the way."
            )
        if self.link.is_dir() and not self.link.is_symlink():
            raise LogUnavailable(
                f"The log was not published: {self.link} has to be a link. Move the folder of that name out of the way."
            )
        notes = self.data_dir / "private" / self.layout.notes
        if notes.is_dir():
            _remove(notes)

    def _remove_stray_journals(self, standing: list[int]) -> None:
        for path in self.folder.glob("*.duckdb.wal"):
            match = NUMBERED.match(path.name.removesuffix(".wal"))
            if match and int(match[1]) not in standing:
                _remove(path)

    def _write_notes(self, notes: Notes, *, is_durable: bool = False) -> None:
        content = {
            "fingerprints": {str(number): asdict(value) for number, value in notes.fingerprints.items()},
            "replaced_at": {str(number): value for number, value in notes.replaced_at.items()},
            "erased_below": notes.erased_below,
            "erasure": list(notes.erasure),
            "checked_at": notes.checked_at.isoformat() if notes.checked_at else None,
            "ahead": list(notes.ahead),
        }
        path = self.data_dir / "private" / self.layout.notes
        building = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            building.write_text(json.dumps(content), encoding="utf-8")
            if is_durable:
                sync(building)
            building.replace(path)
        except OSError:
            _remove(building)
            raise
        self.notes = notes


def take_fingerprint(path: Path) -> Fingerprint | None:
    """Look at a file from outside; None where there is none."""
    try:
        return _take_known_fingerprint(path)
    except OSError:
        return None


def sync(path: Path) -> None:
    """Make a closed file's bytes, or a folder's names, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _take_known_fingerprint(path: Path) -> Fingerprint:
    status = path.stat()
    return Fingerprint(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
