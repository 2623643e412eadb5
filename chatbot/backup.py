"""Saves the store with its keys into a folder while services run, and brings it back whole or not at all.

A backup is a folder: `guichet.db`, one state of the store copied by SQLite's online backup; the keys of `private/`
(the secret key, the salt of the shareable log); and `manifest.json`, which says what is in it and proves it by hashes.
What can be made again (published log, search index) is not in it, nor are documents, definitions and settings.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from chatbot.errors import StorageFull, StoreUnavailable, UsageError
from chatbot.log.disguise import SALT_NAME
from chatbot.log.erase import repeat_erasures
from chatbot.log.generations import COMPLETE, SHAREABLE, sync
from chatbot.store.audit import add_entry
from chatbot.store.engine import Store
from chatbot.store.migrate import HEAD
from chatbot.store.restoration import PastErasure, list_erasures, renew_store_id
from chatbot.store.transfer import copy_store

FORMAT = 1
MANIFEST_NAME = "manifest.json"
STORE_NAME = "guichet.db"
KEY_NAMES = ("secret-key", SALT_NAME)
# Where SQLite's locks lie in its file: whoever has it open in WAL mode holds one of these bytes (os_unix.c).
SHARED_LOCK_FIRST = 0x40000002
SHARED_LOCK_BYTES = 510
BUSY_TIMEOUT_S = 30
DRAFT_SUFFIX = ".backup-part"
HAS_TABLES = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says about itself; `files` are SHA-256 by name, `rows` counts by table."""

    format: int
    created_at: str
    schema: str
    store_id: str
    last_change: int
    rows: dict[str, int]
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back, and how many later erasures were carried out on it again."""

    manifest: Manifest
    erasures: int


def write_backup(private_dir: Path, target: Path, now: datetime) -> Manifest:
    """Save the store of `private_dir` into a new folder, also while services write to it.

    Args:
        target: is not there yet, or empty; it appears once all of it is on the disk.

    Raises:
        UsageError: there is something at the target.
        StoreUnavailable: there is no store, or it is damaged.
        StorageFull: the disk is full; nothing is left behind.
    """
    _check_target(target, private_dir)
    source = private_dir / STORE_NAME
    if not source.exists():
        raise StoreUnavailable(f"There is no store {source}: nothing to save. Set DATA_DIR to where it is.")
    with _translate_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{secrets.token_hex(6)}{DRAFT_SUFFIX}")
        with _hold_folder(draft, f".*{DRAFT_SUFFIX}"):
            with _translate_errors(source):
                manifest = _fill(draft, source, private_dir, now)
            draft.rename(target)
            sync(target.parent)
    return manifest


def read_backup(folder: Path) -> Manifest:
    """Read a backup's manifest and prove that its files are those that were written.

    Raises:
        UsageError: this is no backup, or one of a newer version.
        StoreUnavailable: a file is missing or was changed.
    """
    try:
        found = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
        manifest = Manifest(**found)
        # What is asked of it later, so that a manifest of another make is refused before anything is done.
        rows = {name: int(manifest.rows[name]) for name in ("threads", "messages")}
        manifest = replace(manifest, files=dict(manifest.files), rows=manifest.rows | rows)
    except (OSError, ValueError, TypeError, LookupError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"{MANIFEST_NAME}: {error}"
        raise UsageError(
            f"restore {folder}: this is no backup, or half of one ({reason}). Name the folder that `backup` made."
        ) from error
    if manifest.format != FORMAT or STORE_NAME not in manifest.files:
        raise UsageError(f"restore {folder}: its format is {manifest.format}, this version reads {FORMAT}.")
    for name, digest in manifest.files.items():
        path = folder / Path(name).name
        if not path.is_file() or _hash(path) != digest:
            raise StoreUnavailable(f"{path} is missing or not as it was saved. Restore another backup.")
    return manifest


def restore_backup(folder: Path, private_dir: Path, now: datetime, *, force: bool = False) -> Restored:
    """Bring a backup back as the store of `private_dir`, in one step that is done whole or not at all.

    The store gets a new id, so that the log is published anew. Erasures that the store in place knows and the backup
    does not are carried out again: what was erased does not come back.

    Args:
        force: also while services have the store open; what was written since the backup is gone for them too.

    Raises:
        UsageError: this is no backup; or the store is in use, and `force` was not given.
        StoreUnavailable: the backup is damaged, or of a newer version; or the store in use is damaged.
    """
    manifest = read_backup(folder)
    if manifest.schema > HEAD:
        raise StoreUnavailable(
            f"restore {folder}: the backup has schema {manifest.schema}, newer than this version's {HEAD}. Use the "
            "version that wrote it."
        )
    live = private_dir / STORE_NAME
    with _translate_errors(live):
        private_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        in_use = is_in_use(live)
    if in_use and not force:
        raise UsageError(
            f"restore {folder}: a service or command has {live} open. Stop it, or add --force to replace the store "
            "under it."
        )
    with _prepare_folder(private_dir) as drafts, _translate_errors(live):
        is_sound = live.exists() and _is_sound(live)
        if live.exists() and in_use and not is_sound:
            raise StoreUnavailable(f"{live} is damaged and in use. Stop the services, then restore again.")
        erasures = _read_erasures(live) if is_sound else []
        prepared = drafts / STORE_NAME
        shutil.copyfile(folder / STORE_NAME, prepared)
        count = _prepare(prepared, manifest, erasures, now)
        if is_sound:
            _copy_database(prepared, live)
        else:
            _put_in_place(prepared, live, now)
        _bring_keys(folder, private_dir, drafts)
    return Restored(manifest, count)


def restore_into(folder: Path, private_dir: Path, target: Store, now: datetime) -> Restored:
    """Bring a backup into an empty store on a server, and its keys into `private_dir`.

    Raises:
        UsageError: this is no backup; or the store holds something.
        StoreUnavailable: the backup is damaged, of a newer version, or the server does not take it.
    """
    manifest = read_backup(folder)
    private_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _prepare_folder(private_dir) as drafts, _translate_errors(folder):
        prepared = drafts / STORE_NAME
        shutil.copyfile(folder / STORE_NAME, prepared)
        count = _prepare(prepared, manifest, [], now)
        with contextlib.closing(Store(prepared)) as source:
            copy_store(source, target)
        _bring_keys(folder, private_dir, drafts)
    return Restored(manifest, count)


def is_in_use(path: Path) -> bool:
    """Tell whether another process has a store open. The caller has it not: looking would drop his locks."""
    try:
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, SHARED_LOCK_BYTES, SHARED_LOCK_FIRST)
    except (FileNotFoundError, IsADirectoryError):
        return False
    except BlockingIOError:
        return True
    return False


def _check_target(target: Path, private_dir: Path) -> None:
    if os.path.lexists(target) and not (
        target.is_dir() and not target.is_symlink() and not any(target.iterdir())
    ):
        raise UsageError(f"backup {target}: there is something already. Name a new folder.")
    whole = target.resolve()
    for name in (private_dir.name, COMPLETE.folder, SHAREABLE.folder):
        room = (private_dir.parent / name).resolve()
        if whole.is_relative_to(room):
            raise UsageError(
                f"backup {target}: the service keeps {room} in order and removes what is not its own. Name a folder "
                "elsewhere, best on another disk."
            )


@contextlib.contextmanager
def _hold_folder(draft: Path, pattern: str) -> Iterator[Path]:
    """Give a folder to fill, and remove those beside it that others left who were killed."""
    for left in draft.parent.glob(pattern):
        with contextlib.suppress(OSError), _lock_folder(left):
            shutil.rmtree(left, ignore_errors=True)
    draft.mkdir(mode=0o700)
    try:
        with _lock_folder(draft):
            yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextlib.contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    """Hold a folder until the block's end, or until this process dies; an OSError where another holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _fill(draft: Path, source: Path, private_dir: Path, now: datetime) -> Manifest:
    _copy_database(source, draft / STORE_NAME)
    _close_journal(draft / STORE_NAME)
    schema, store_id, last_change, rows = _describe(draft / STORE_NAME)
    for name in KEY_NAMES:
        if (private_dir / name).exists():
            shutil.copyfile(private_dir / name, draft / name)
    paths = sorted(draft.iterdir())
    files = {path.name: _hash(path) for path in paths}
    manifest = Manifest(FORMAT, now.isoformat(), schema, store_id, last_change, rows, files)
    (draft / MANIFEST_NAME).write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
    for path in (*paths, draft / MANIFEST_NAME):
        path.chmod(0o600)
        sync(path)
    sync(draft)
    return manifest


def _copy_database(source: Path, target: Path) -> None:
    """Copy one state of a database into another file or over another database, in one transaction of its own."""
    with (
        contextlib.closing(sqlite3.connect(source, timeout=BUSY_TIMEOUT_S)) as given,
        contextlib.closing(sqlite3.connect(target, timeout=BUSY_TIMEOUT_S)) as taken,
    ):
        taken.execute("PRAGMA synchronous=FULL")
        # All pages in one step: killed within, SQLite takes the unfinished transaction back.
        given.backup(taken)


def _close_journal(path: Path) -> None:
    """Make a database that nobody else has open one file, without a journal beside it."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _describe(path: Path) -> tuple[str, str, int, dict[str, int]]:
    """Prove that a copy is whole, and give schema, store id, last change and rows by table."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        if not _check(connection):
            raise StoreUnavailable(
                "The store is damaged: it was not saved. Look at `python -m chatbot verify`."
            )
        schema = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        store_id = connection.execute("SELECT value FROM meta WHERE name = 'store_id'").fetchone()[0]
        change = connection.execute("SELECT value FROM change_counter").fetchone()[0]
        names = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
        rows = {
            name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608
            for (name,) in connection.execute(names).fetchall()
        }
    return str(schema), str(store_id), int(change), rows


def _prepare(path: Path, manifest: Manifest, erasures: list[PastErasure], now: datetime) -> int:
    """Make a copied store the one to come: newest schema, an id of its own, erased what was erased since."""
    store = Store(path)
    try:
        store.write(renew_store_id)
        store.write(add_entry, now, "command", "store.restore", f"backup of {manifest.created_at}")
        count = repeat_erasures(store, erasures, now)
    finally:
        store.close()
    _close_journal(path)
    if not _is_sound(path):
        raise StoreUnavailable(f"The backup of {manifest.created_at} is damaged. Take another one.")
    return count


def _read_erasures(live: Path) -> list[PastErasure]:
    """Read what the store in place knows of erasures, with this version's tables."""
    store = Store(live)
    try:
        return store.read(list_erasures)
    finally:
        store.close()


def _put_in_place(prepared: Path, live: Path, now: datetime) -> None:
    """Give the prepared store the name of one that is not there, or set a damaged one aside, journal and all."""
    if live.exists():
        mark = f"damaged-{now:%Y%m%dT%H%M%S}"
        for suffix in ("-wal", "-shm", ""):
            path = live.with_name(f"{live.name}{suffix}")
            if path.exists():
                path.rename(live.with_name(f"{live.name}.{mark}{suffix}"))
    for suffix in ("-wal", "-shm"):
        # A journal without its database would be played into the new one.
        live.with_name(f"{live.name}{suffix}").unlink(missing_ok=True)
    prepared.chmod(0o600)
    sync(prepared)
    prepared.rename(live)
    sync(live.parent)


def _bring_keys(folder: Path, private_dir: Path, drafts: Path) -> None:
    for name in KEY_NAMES:
        if (folder / name).exists():
            draft = drafts / name
            shutil.copyfile(folder / name, draft)
            draft.chmod(0o600)
            sync(draft)
            draft.rename(private_dir / name)
    sync(private_dir)


@contextlib.contextmanager
def _prepare_folder(private_dir: Path) -> Iterator[Path]:
    with _hold_folder(private_dir / f".restore-{secrets.token_hex(6)}", ".restore-*") as drafts:
        yield drafts


@contextlib.contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        text = str(error)
        if "disk is full" in text or "No space left" in text:
            raise StorageFull(
                "The disk is full. Free some space; the store in place is as it was."
            ) from error
        raise StoreUnavailable(
            f"{path} cannot be read or written: {text}. Check the file and its folder's rights."
        ) from error


def _is_sound(path: Path) -> bool:
    """Tell whether a store is whole; one that lost its tables is not, though SQLite would take it for a new one."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
            return _check(connection)
    except sqlite3.DatabaseError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise
        return False


def _check(connection: sqlite3.Connection) -> bool:
    is_whole = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return is_whole and connection.execute(HAS_TABLES).fetchone() is not None


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
