"""A thread becomes a PDF that holds all that was said, in any script, whatever was said."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader
from reportlab import rl_config

from chatbot.errors import ReportFailed
from chatbot.reports import thread_pdf
from chatbot.reports.thread_pdf import render_failure_pdf, render_thread_pdf, shorten
from chatbot.store.records import Feedback, Transcript
from tests.chatbot.reports.transcripts import (
    START,
    THREAD_ID,
    make_answer,
    make_passage,
    make_transcript,
    read_pages,
    read_text,
)

PARIS = ZoneInfo("Europe/Paris")


def render(transcript: Transcript) -> bytes:
    """Render with the defaults of the tests."""
    return render_thread_pdf(transcript, timezone=PARIS)


def test_facts_of_the_thread_stand_on_the_first_page() -> None:
    """Who, when, where, how many: in the time zone asked for."""
    transcript = make_transcript(
        "How do I lift a ban?",
        "So.",
        "And the price?",
        make_answer("The documentation does not say.", status="refused"),
        "Again?",
        make_answer("", status="failed", error_origin="provider", error_code="provider_timeout"),
    )
    first = read_pages(render_thread_pdf(transcript, timezone=PARIS, assistant_title="Support desk"))[0]
    for fact in (
        "Support desk",
        "acme-3 (acme · spring)",
        "chat page",
        "2026-10-21 00:30:05",
        "2026-10-21 00:35:05",
        "Europe/Paris (UTC+02:00)",
        THREAD_ID,
        "Page 1 of 1",
        "not in the documentation",
        "failed: provider’s error (provider_timeout)",
        "(no text)",
    ):
        assert fact in first
    lines = " ".join(first.split())
    assert "Questions 3 Answers 3 Refused 1 Failed 1" in lines


def test_labels_come_in_french() -> None:
    """The labels are in the language asked for."""
    text = read_text(render_thread_pdf(make_transcript("Bonjour", "Oui."), timezone=PARIS, language="fr"))
    for word in (
        "Compte rendu de conversation",
        "Fuseau horaire",
        "Testeur",
        "Page 1 sur 1",
        "ligne de commande",
    ):
        assert (word in text) == (word != "ligne de commande")


@pytest.mark.parametrize(
    ("status", "label"),
    [
        ("interrupted", "interrupted by a restart"),
        ("stopped", "stopped by the tester"),
        ("refused", "not in the documentation"),
    ],
)
def test_status_of_an_answer_is_shown(status: str, label: str) -> None:
    """An answer that is not simply complete says so."""
    assert label in read_text(
        render(make_transcript("Question", make_answer("Text", status=status, is_cut=True)))
    )


def test_declined_letter_is_not_called_undocumented() -> None:
    """Of a letter or a story a refusal is shown as declined."""
    answer = make_answer("No.", status="refused", is_personal=True)
    text = read_text(render(make_transcript("Insult them", answer)))
    assert "declined" in text and "not in the documentation" not in text


def test_cut_answer_is_marked() -> None:
    """An answer cut at the model's limit says so, though complete."""
    assert "cut at the length limit" in read_text(
        render(make_transcript("Q", make_answer("Text", is_cut=True)))
    )


def test_markdown_of_an_answer_is_rendered() -> None:
    """Signs of Markdown become looks; the words, the code and a link's address remain."""
    answer = """# Lift a ban

Run **`bwcli unban`** *now*, see [the guide](https://docs.example/x).

1. first
   - inner
2. second

> note

| Option | Default |
|---|--:|
| `--all` | no |

```sh
if true; then
    ls -l
fi
```
"""
    text = read_text(render(make_transcript("How?", answer)))
    assert "Lift a ban Run bwcli unban now, see the guide (https://docs.example/x)." in text
    assert "1. first • inner 2. second note Option Default --all no" in text.replace("–", "•")
    assert "if true; then ls -l fi" in text
    assert "**" not in text and "```" not in text


def test_text_of_a_tester_is_not_markdown() -> None:
    """A tester's text is shown to the letter, line by line."""
    pages = read_pages(
        render(make_transcript("# not a *heading*\n<b>nor bold</b> &amp; `x`\n\n[1](y)", "Yes."))
    )
    assert "# not a *heading*\n<b>nor bold</b> &amp; `x`\n" in pages[0]
    assert "[1](y)" in pages[0]


def test_raw_html_in_an_answer_is_text() -> None:
    """Raw HTML in a model's Markdown is shown as its characters, and no image is fetched."""
    answer = "<img src=https://evil.example/p.png> <b>x ![pixel](https://evil.example/p.png) <para><font"
    pdf = render(make_transcript("Hi", answer))
    assert (
        "<img src=https://evil.example/p.png> <b>x pixel (https://evil.example/p.png) <para><font"
        in read_text(pdf)
    )
    reader = PdfReader(BytesIO(pdf))
    assert not any(page.images or "/Annots" in page for page in reader.pages)
    assert rl_config.trustedHosts == [] and rl_config.trustedSchemes == []


def test_citations_list_their_sources() -> None:
    """Under an answer stand the passages that it cites, numbered, with a short quotation free of markup."""
    passages = (
        make_passage(1),
        make_passage(2, heading="Bans › Elsewhere", snippet="word " * 200),
        make_passage(3, heading="Not cited", cited=False),
    )
    text = read_text(
        render(make_transcript("How?", make_answer("So [1], and [2], not [3].", passages=passages)))
    )
    assert "So [1], and [2], not [3]." in text
    assert "Sources [1] Bans › Lift a ban en/bans.md “Run bwcli unban with the address.”" in text
    assert "[2] Bans › Elsewhere en/bans.md “word" in text and "word…”" in text
    assert "Not cited" not in text
    assert text.count("word") < 70


def test_refusal_lists_the_nearest_sections() -> None:
    """A refused answer names the nearest sections and says that they are no answer."""
    answer = make_answer("Not there.", status="refused", passages=(make_passage(1, cited=False),))
    assert "Nearest sections (not an answer) • Bans › Lift a ban" in read_text(
        render(make_transcript("Q", answer))
    )


def test_feedback_stands_under_its_answer() -> None:
    """The tester's verdict, reason and comment are shown."""
    verdicts = {1: Feedback("", -1, "wrong", "It is\nnot so", START), 3: Feedback("", 1, None, None, START)}
    text = read_text(render(make_transcript("A", "B", "C", "D", feedback=verdicts)))
    assert "Not helpful · wrong · It is not so" in text
    assert "👍 Helpful" in text


def test_last_page_is_not_empty() -> None:
    """Room left after the last turn opens no page of its own, wherever that turn ends."""
    for count in range(20, 60):
        last = read_pages(render(make_transcript("Q", "line\n\n" * count)))[-1]
        assert "line" in last


def test_long_thread_flows_over_numbered_pages() -> None:
    """Code, tables and prose go on over pages; every page says which of how many it is, and whose."""
    code = "\n".join(f"line {number}" for number in range(150))
    table = "| n | text |\n|--|--|\n" + "\n".join(f"| {number} | row {number} |" for number in range(120))
    pages = read_pages(render(make_transcript("Long", f"```\n{code}\n```\n\n{table}\n\n" + "prose " * 2000)))
    assert len(pages) >= 6
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert THREAD_ID in page
    everything = "\n".join(pages)
    assert all(f"line {number}\n" in everything for number in range(150))
    assert all(f"{number} row {number}\n" in everything for number in range(120))
    assert everything.count("prose") == 2000
    assert sum("n text" in page for page in pages) >= 3, "a table's header is repeated on each page"


@pytest.mark.parametrize(
    "words",
    [
        "Łódź çà œuvre “quotes” — ½ €",
        "Ελληνικά",
        "Привет, мир",
        "请在容器中运行命令",
        "スケジューラで実行してください",
        "컨테이너에서 실행하세요",
        "नमस्ते",
        "สวัสดี",
        "გამარჯობა",
        "→ ∑ ≠ ✓ ★ │├",
        "😀 🎉",
    ],
)
def test_any_script_is_drawn_and_can_be_copied(words: str) -> None:
    """Letters of any script have a glyph, in plain, bold and code, and come back out of the PDF."""
    text = read_text(render(make_transcript(words, f"{words}\n\n**{words}**\n\n`{words}`")))
    assert text.replace(" ", "").count(words.replace(" ", "")) >= 4
    assert "[U+" not in text


def test_right_to_left_scripts_are_drawn_in_order() -> None:
    """Arabic is joined and runs from right to left; extraction gives its plain letters back."""
    text = read_text(render(make_transcript("مرحبا بالعالم", "שלום עולם (hello) 123")))
    assert "مرحبا" in text and "بالعالم" in text and "שלום" in text and "123" in text


@pytest.mark.needs("poppler")
def test_pdftotext_gives_arabic_in_reading_order(tmp_path: Path) -> None:
    """What a reader copies is what was written, ligatures and numbers too."""
    target = tmp_path / "thread.pdf"
    target.write_bytes(render(make_transcript("لا إله، 123 مرحبا بالعالم", "ok")))
    program = shutil.which("pdftotext")
    assert program
    text = subprocess.run([program, str(target), "-"], capture_output=True, check=True, text=True).stdout
    assert "مرحبا بالعالم" in text and "لا إله" in text


@pytest.mark.parametrize("character", ["\U00013000", "\ue000", "\u202e", "\U000e0041", "\x07", "\U0010fffd"])
def test_character_without_a_glyph_gets_a_stand_in(character: str) -> None:
    """What cannot be drawn, or hides, is written out; nothing vanishes."""
    assert f"a[U+{ord(character):04X}]b" in read_text(render(make_transcript(f"a{character}b", "ok")))


@pytest.mark.parametrize(
    "hostile",
    [
        "x" * 1_000_000,
        "<b><i><font color='red'><para>unclosed " * 50,
        "&#0; &nbsp; &bogus; ]]> <!-- <?xml",
        "a\0b\ud800c\udfff",
        "\u0301" * 5000,
        "|" * 5000,
        "| " + "c | " * 60 + "\n|" + "--|" * 60 + "\n| " + "v | " * 60,
        "> " * 500 + "deep",
        "  " * 200 + "- x",
        "\n" * 3000 + "end",
        "(" * 3000,
        "א" * 20_000,
        "```\n" + "y" * 50_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_text_is_laid_out(hostile: str) -> None:
    """No text of a tester or a model stops the report (measured: at most 5 s)."""
    pages = read_pages(render(make_transcript(hostile[:20_000], "ok")))
    assert pages
    transcript = make_transcript("question", hostile, "after", "still here")
    pdf = render_thread_pdf(transcript, timezone=PARIS, deadline_s=120)
    assert PdfReader(BytesIO(pdf)).pages[-1].extract_text().count("still here") == 1


def test_hostile_facts_are_laid_out() -> None:
    """Long or odd labels of a tester, a code, a source do not break the page."""
    passage = make_passage(1, heading="h" * 3000 + "<b>", source="s" * 3000, snippet="\0<i>")
    transcript = make_transcript(
        "Q",
        make_answer("[1]", passages=(passage,)),
        tester="t" * 500 + "<b>",
        code_label="مرحبا",
        wave="\ud800",
    )
    assert "tttt" in read_text(render_thread_pdf(transcript, timezone=PARIS, assistant_title="T" * 300))


def test_empty_thread_says_so() -> None:
    """A thread without a message is a report too."""
    text = read_text(render(make_transcript()))
    assert "No message was exchanged" in text and "Conversation without a question" in text


def test_metadata_names_thread_and_product() -> None:
    """Title, author and subject are those of the thread."""
    about = PdfReader(BytesIO(render(make_transcript("How do I?", "So.")))).metadata
    assert about and (about.title, about.author, about.subject) == (
        "support: How do I?",
        "Guichet",
        THREAD_ID,
    )


def test_second_document_has_its_own_letters() -> None:
    """Bold letters that the first document of a process lacked are in the second (its fonts are made anew)."""
    render(make_transcript("a", "**abc**"))
    assert "xyz 请" in read_text(render(make_transcript("a", "**xyz 请**")))


def test_report_beyond_its_deadline_fails() -> None:
    """A layout that takes too long ends in ReportFailed, and says what to do instead."""
    with pytest.raises(ReportFailed, match="jsonl"):
        render_thread_pdf(make_transcript("Q", "word " * 20_000), timezone=PARIS, deadline_s=0.0)


def test_unforeseen_failure_is_a_failed_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong inside is told as ReportFailed, naming the thread."""
    monkeypatch.setattr(thread_pdf, "paginate", lambda strips: 1 / 0)
    with pytest.raises(ReportFailed, match=THREAD_ID):
        render(make_transcript("Q", "A"))


def test_failure_page_names_thread_and_reason() -> None:
    """The page that stands for a thread says which and why, whatever the reason holds."""
    text = read_text(render_failure_pdf(THREAD_ID, "broken 请 " + "x" * 2000, language="fr"))
    assert THREAD_ID in text and "broken ?" in text and "mise en page" in text


def test_text_is_shortened_at_a_word() -> None:
    """A title is one line, cut at a word with an ellipsis."""
    assert shorten("  a\n b ", 10) == "a b"
    assert shorten("alpha beta gamma delta", 17) == "alpha beta gamma…"
    assert len(shorten("x" * 5_000_000, 80)) == 80
