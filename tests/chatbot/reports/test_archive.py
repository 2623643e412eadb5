"""An archive holds a PDF per thread and a manifest that is true of it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chatbot.errors import ReportFailed
from chatbot.reports import archive
from chatbot.reports.archive import name_file, write_archive
from chatbot.reports.thread_pdf import render_thread_pdf
from chatbot.store.records import Transcript
from tests.chatbot.reports.transcripts import make_answer, make_transcript, read_text

PARIS = ZoneInfo("Europe/Paris")


def make_threads(count: int) -> list[Transcript]:
    """Give threads that differ in id and text."""
    return [
        make_transcript(f"Question {number}", "Answer.", thread_id=f"thread-{number}")
        for number in range(count)
    ]


def test_archive_holds_a_pdf_per_thread_and_a_true_manifest(tmp_path: Path) -> None:
    """Names are ours, hashes and counts are right, the bar moves, the manifest comes last."""
    steps: list[tuple[int, int]] = []
    target = tmp_path / "threads.zip"
    with target.open("wb") as out:
        manifest = write_archive(
            iter(make_threads(3)),
            out,
            total=3,
            timezone=PARIS,
            progress=lambda done, total: steps.append((done, total)),
            filters={"from": "2026-10-01", "status": None},
            made_at=datetime(2026, 11, 1, tzinfo=UTC),
        )
    assert steps == [(1, 3), (2, 3), (3, 3)]
    with zipfile.ZipFile(target) as made:
        assert made.testzip() is None
        names = [f"2026-10-20_thread-{number}.pdf" for number in range(3)]
        assert made.namelist() == [*names, "manifest.json"]
        stored = json.loads(made.read("manifest.json"))
        assert stored == json.loads(manifest.to_json())
        assert stored["count"] == 3
        assert (stored["first_thread"], stored["last_thread"]) == ("thread-0", "thread-2")
        assert (stored["schema_version"], stored["timezone"]) == (1, "Europe/Paris")
        assert stored["filter"] == {"from": "2026-10-01", "status": None}
        assert stored["made_at"] == "2026-11-01T00:00:00+00:00"
        assert stored["errors"] == []
        for number, entry in enumerate(stored["files"]):
            data = made.read(entry["name"])
            assert hashlib.sha256(data).hexdigest() == entry["sha256"]
            assert len(data) == entry["bytes"]
            assert f"Question {number}" in read_text(data)


def test_thread_that_cannot_be_laid_out_loses_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It becomes a page that says so and an error in the manifest; the others are whole."""

    def fail_for_one(transcript: Transcript, **options: object) -> bytes:
        if transcript.thread.thread_id == "thread-1":
            raise ReportFailed("too intricate")
        return render_thread_pdf(transcript, timezone=PARIS)

    monkeypatch.setattr(archive, "render_thread_pdf", fail_for_one)
    out = io.BytesIO()
    manifest = write_archive(make_threads(3), out, total=3, timezone=PARIS)
    assert [(error.thread_id, error.message) for error in manifest.errors] == [("thread-1", "too intricate")]
    with zipfile.ZipFile(out) as made:
        texts = [read_text(made.read(entry.name)) for entry in manifest.files]
    assert "Question 0" in texts[0] and "Question 2" in texts[2]
    assert "could not be laid out" in texts[1] and "too intricate" in texts[1] and "thread-1" in texts[1]


def test_thread_with_a_broken_record_loses_no_other() -> None:
    """A message that no renderer can take is such a failure too, without anything replaced."""
    broken = make_transcript("Q", make_answer("A"), thread_id="broken")
    broken = replace(broken, messages=(replace(broken.messages[0], content=None),))  # type: ignore[arg-type]
    manifest = write_archive([broken, *make_threads(1)], io.BytesIO(), total=2, timezone=PARIS)
    assert [error.thread_id for error in manifest.errors] == ["broken"]
    assert manifest.count == 2


def test_empty_archive_has_a_manifest() -> None:
    """No thread in the range: a zip with a manifest that counts none."""
    out = io.BytesIO()
    manifest = write_archive([], out, total=0, timezone=PARIS)
    assert (manifest.count, manifest.first_thread) == (0, None)
    with zipfile.ZipFile(out) as made:
        assert made.namelist() == ["manifest.json"]


@pytest.mark.parametrize(
    ("thread_id", "name"),
    [
        ("../../etc/passwd", "2026-10-20_______etc_passwd.pdf"),
        ("a/b\\c:\n", "2026-10-20_a_b_c__.pdf"),
        ("x" * 300, f"2026-10-20_{'x' * 64}.pdf"),
    ],
)
def test_name_in_the_archive_is_never_a_path(thread_id: str, name: str) -> None:
    """Even an id that is none leads nowhere outside the archive."""
    assert name_file(make_transcript(thread_id=thread_id).thread) == name


def test_archive_is_written_to_what_cannot_seek() -> None:
    """A response that is streamed can be the target."""

    class Pipe(io.RawIOBase):
        """Takes bytes, one way."""

        def __init__(self) -> None:
            super().__init__()
            self.data = b""

        def writable(self) -> bool:
            """Say that it can be written."""
            return True

        def write(self, data: object) -> int:
            """Take bytes."""
            self.data += bytes(data)  # type: ignore[call-overload]
            return len(bytes(data))  # type: ignore[call-overload]

    pipe = Pipe()
    write_archive(make_threads(1), pipe, total=1, timezone=PARIS)  # type: ignore[arg-type]
    with zipfile.ZipFile(io.BytesIO(pipe.data)) as made:
        assert made.testzip() is None
        assert len(made.namelist()) == 2
