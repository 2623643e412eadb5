"""A thread as a PDF that is good to read: facts, turns, sources, verdicts."""

from __future__ import annotations

import io
from datetime import datetime
from textwrap import wrap
from zoneinfo import ZoneInfo

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from chatbot.errors import ReportFailed
from chatbot.markup import plain_text
from chatbot.reports.flowables import (
    ACCENT,
    BODY,
    INK,
    MUTED,
    SMALL,
    TINT,
    Area,
    Box,
    Story,
    Strip,
    Text,
)
from chatbot.reports.fonts import DocumentFonts
from chatbot.reports.labels import Language, label, name_outcome
from chatbot.reports.layout import Deadline, Line, Run, Setter, Style
from chatbot.reports.pages import DRAWING, MARGIN, TEXT_WIDTH, Facts, Furniture, draw, paginate
from chatbot.store.records import Message, PassageUsed, Transcript
from chatbot.text import clean_text

PRODUCT = "Guichet"
SNIPPET_CHARACTERS = 280
_TITLE_CHARACTERS = 160
_TESTER = "#8a5a00"
_PILLS = {
    "refused": ("#8a5a00", "#fdf3d8"),
    "failed": ("#a61b1b", "#fde8e8"),
    "interrupted": ("#52606d", "#e8ecf0"),
    "stopped": ("#52606d", "#e8ecf0"),
    "cut": ("#8a5a00", "#fdf3d8"),
}


def render_thread_pdf(
    transcript: Transcript,
    *,
    timezone: ZoneInfo,
    language: Language = "en",
    assistant_title: str | None = None,
    deadline_s: float = 30.0,
) -> bytes:
    """Lay out one thread as a PDF (A4).

    Args:
        transcript: the thread; texts of testers are plain text, those of the bot Markdown.
        timezone: of all times shown; it is named among the facts.
        language: of the labels.
        assistant_title: shown instead of the assistant's name.
        deadline_s: seconds after which the layout is given up.

    Raises:
        ReportFailed: the deadline passed, or the thread could not be laid out.
    """
    with DRAWING:
        deadline = Deadline(deadline_s)
        try:
            return _Report(transcript, timezone, language, assistant_title, deadline).render()
        except ReportFailed:
            raise
        except Exception as error:
            name = clean_text(transcript.thread.thread_id)
            raise ReportFailed(f"Thread {name} could not be laid out ({type(error).__name__}).") from error


class _Report:
    """One document in the making."""

    def __init__(
        self,
        transcript: Transcript,
        timezone: ZoneInfo,
        language: Language,
        assistant_title: str | None,
        deadline: Deadline,
    ) -> None:
        self.thread = transcript.thread
        self.messages = transcript.messages
        self.feedback = transcript.feedback
        self.timezone = timezone
        self.language: Language = language
        self.deadline = deadline
        self.assistant = clean_text(assistant_title or self.thread.assistant)
        self.setter = Setter(DocumentFonts(), deadline)
        self.story = Story(self.setter, Area(0, TEXT_WIDTH))

    def render(self) -> bytes:
        """Set everything, then make the fonts that were used, then draw."""
        self._set_title()
        self._set_facts()
        for message in self.messages:
            self._set_turn(message)
        if not self.messages:
            self.story.text([Run(self._say("empty"), BODY.but(color=MUTED, italic=True))])
        pages = paginate(self.story.strips)
        furniture = self._furniture(len(pages))
        self.setter.fonts.register()
        facts = Facts(f"{self.assistant}: {self._title(80)}", PRODUCT, self.thread.thread_id, self.language)
        return draw(pages, furniture, facts, self.deadline)

    def _say(self, name: str) -> str:
        return label(name, self.language)

    def _time(self, moment: datetime) -> str:
        return moment.astimezone(self.timezone).strftime("%Y-%m-%d %H:%M:%S")

    def _title(self, characters: int) -> str:
        for message in self.messages:
            if message.origin == "user":
                return shorten(message.content, characters)
        return self._say("no_question")

    def _line(self, text: str, style: Style, width: float = 4000.0) -> Line:
        lines = self.setter.wrap([Run(clean_text(" ".join(text.split())), style)], width)
        return lines[0]

    def _furniture(self, total: int) -> Furniture:
        white = Style(color="#ffffff")
        feet = [
            self._line(self._say("page").format(number=number, total=total), SMALL)
            for number in range(1, total + 1)
        ]
        head = f"{self.assistant} · {self._title(70)}"
        return Furniture(
            title=self._line(self.assistant, white.but(size=19, bold=True), TEXT_WIDTH),
            subtitle=self._line(self._say("report"), white.but(size=9, color="#d3ecec")),
            product=self._line(PRODUCT, white.but(size=10, bold=True, color="#f3d48a")),
            head=self._line(head, SMALL, TEXT_WIDTH),
            foot=self._line(f"{self._say('thread')} {self.thread.thread_id}", SMALL, TEXT_WIDTH - 90),
            feet=feet,
        )

    def _set_title(self) -> None:
        style = BODY.but(size=14, bold=True)
        self.story.text([Run(self._title(_TITLE_CHARACTERS), style)], size=13.2, keeps_next=True)
        self.story.gap(8, keeps_next=True)

    def _set_facts(self) -> None:
        thread, messages = self.thread, self.messages
        answers = [message for message in messages if message.origin == "bot"]
        offset = thread.created_at.astimezone(self.timezone).strftime("%z")
        wave = " · ".join(part for part in (thread.code_label, thread.wave) if part)
        facts = [
            ("assistant", self.assistant),
            ("tester", thread.tester + (f" ({wave})" if wave and wave != thread.tester else "")),
            ("channel", self._say(f"channel_{thread.channel}")),
            ("language", thread.language or "–"),
            ("started", self._time(thread.created_at)),
            ("last", self._time(messages[-1].created_at) if messages else "–"),
            ("questions", str(len(messages) - len(answers))),
            ("answers", str(len(answers))),
            ("refused_count", str(sum(answer.status == "refused" for answer in answers))),
            ("failed_count", str(sum(answer.status == "failed" for answer in answers))),
        ]
        zone = f"{self.timezone.key} (UTC{offset[:3]}:{offset[3:]})"
        with self.story.inside(tint=TINT):
            self.story.gap(6, keeps_next=True)
            for left, right in zip(facts[::2], facts[1::2], strict=True):
                self._set_fact_row(left, right)
            self._set_fact_row(("time_zone", zone))
            self._set_fact_row(("thread", thread.thread_id))
            self.story.gap(6)
        self.story.gap(14)

    def _set_fact_row(self, *facts: tuple[str, str]) -> None:
        texts: list[Text] = []
        height = 14.0
        for column, (name, value) in enumerate(facts):
            x = 12 + column * TEXT_WIDTH / 2
            texts.append(Text(self._line(self._say(name), SMALL), x, 10))
            room = TEXT_WIDTH / len(facts) - 100
            lines = self.setter.wrap([Run(clean_text(value), BODY.but(size=8.6))], room)
            texts += [Text(line, x + 82, 10 + 12 * number) for number, line in enumerate(lines[:6])]
            height = max(height, 2 + 12.0 * len(lines[:6]))
        self.story.add(Strip(height, texts=tuple(texts), keeps_next=True))

    def _set_turn(self, message: Message) -> None:
        is_tester = message.origin == "user"
        color = _TESTER if is_tester else ACCENT
        with self.story.inside(
            indent=13, right=10 if is_tester else 0, bar=color, tint=TINT if is_tester else None
        ):
            self.story.gap(5 if is_tester else 1, keeps_next=True)
            self._set_turn_head(message, color)
            content = message.content
            if not content.strip():
                self.story.text([Run(self._say("no_text"), BODY.but(color=MUTED, italic=True))])
            elif is_tester:
                self.story.text([Run(clean_text(content), BODY)])
            else:
                cited = {passage.number for passage in message.passages if passage.cited}
                self.story.markdown(content, cited)
            if not is_tester:
                self._set_sources(message)
                self._set_verdict(message)
            self.story.gap(6 if is_tester else 2)
        self.story.gap(11)

    def _set_turn_head(self, message: Message, color: str) -> None:
        is_tester = message.origin == "user"
        name = f"{self._say('tester')} · {self.thread.tester}" if is_tester else self.assistant
        area = self.story.area
        head = self._line(name, Style(size=8.8, bold=True, color=color), area.width * 0.5)
        moment = self._line(self._time(message.created_at), SMALL)
        texts = [Text(head, area.x, 10), Text(moment, area.x + area.width - moment.width, 10)]
        boxes: list[Box] = []
        x = area.x + head.width + 8
        for text, (ink, tint) in self._pills(message):
            pill = self._line(text, Style(size=7.4, bold=True, color=ink), area.width * 0.6)
            boxes.append(Box(x, 1.2, pill.width + 12, 12, tint, radius=6))
            texts.append(Text(pill, x + 6, 9.8))
            x += pill.width + 18
        bookmark = shorten(message.content, 80) or self._say("no_text") if is_tester else None
        self.story.add(Strip(17, tuple(boxes), tuple(texts), keeps_next=True, bookmark=bookmark))

    def _pills(self, message: Message) -> list[tuple[str, tuple[str, str]]]:
        pills = []
        if message.status in _PILLS:
            text = self._say(name_outcome(message))
            if message.status == "failed" and message.error_origin:
                code = f" ({message.error_code})" if message.error_code else ""
                text = f"{text}: {self._say(message.error_origin)}{code}"
            pills.append((text, _PILLS[message.status]))
        if message.is_cut:
            pills.append((self._say("cut"), _PILLS["cut"]))
        return pills

    def _set_sources(self, message: Message) -> None:
        cited = sorted(
            (passage for passage in message.passages if passage.cited), key=lambda passage: passage.number
        )
        is_refused = message.status == "refused"
        shown = cited or (
            sorted(message.passages, key=lambda passage: passage.rank)[:3] if is_refused else []
        )
        if not shown:
            return
        self.story.gap(3)
        title = self._say("sources" if cited else "nearest")
        self.story.text([Run(title, SMALL.but(bold=True))], size=8.2, keeps_next=True)
        for passage in shown:
            self._set_passage(passage, is_numbered=bool(cited))
        self.story.gap(3)

    def _set_passage(self, passage: PassageUsed, *, is_numbered: bool) -> None:
        marker = f"[{passage.number}]" if is_numbered else "•"
        self.story.mark(Run(marker, SMALL.but(color=ACCENT, bold=True)), indent=22)
        with self.story.inside(indent=22, style=SMALL):
            runs = [
                Run(clean_text(passage.heading), SMALL.but(color=INK, bold=True)),
                Run("  " + clean_text(passage.source), SMALL.but(mono=True, size=7.2)),
            ]
            self.story.text(runs, keeps_next=is_numbered)
            quoted = shorten(plain_text(passage.snippet[: SNIPPET_CHARACTERS * 8]), SNIPPET_CHARACTERS)
            if is_numbered and quoted:
                self.story.text([Run(f"“{quoted}”", SMALL.but(italic=True))])
        self.story.gap(2)

    def _set_verdict(self, message: Message) -> None:
        verdict = self.feedback.get(message.message_id)
        if verdict is None:
            return
        color = "#1b7f4b" if verdict.value > 0 else "#a61b1b"
        runs = [
            Run(self._say(f"feedback_{1 if verdict.value > 0 else -1}"), SMALL.but(color=color, bold=True))
        ]
        for part in (verdict.reason, verdict.comment):
            if part and part.strip():
                runs.append(Run(" · " + clean_text(part), SMALL.but(color=INK)))
        self.story.gap(2)
        self.story.text(runs, size=8.6)


def shorten(text: str, characters: int) -> str:
    """Give text in one line of at most so many characters, cut at a word where there is one."""
    # White space of a huge text is not gathered beyond what may be shown.
    words = " ".join(clean_text(text[: characters * 8]).split())
    if len(words) <= characters:
        return words
    cut = words[: characters - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > characters * 0.6 else cut).rstrip() + "…"


def render_failure_pdf(thread_id: str, reason: str, *, language: Language = "en") -> bytes:
    """Give one page that says that a thread could not be laid out; made by the simplest means, in a standard font."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4, pageCompression=1, lang=language)
    canvas.setTitle(PRODUCT)
    canvas.setAuthor(PRODUCT)
    lines = [
        label("unreadable", language),
        f"{label('thread', language)}: {thread_id[:80]}",
        *wrap(reason[:800], 90),
    ]
    text = canvas.beginText(MARGIN, A4[1] - 100)
    text.setFont("Helvetica", 10)
    for line in lines:
        # The standard font has Latin-1 alone.
        text.textLine(line.encode("latin-1", "replace").decode("latin-1"))
    canvas.drawText(text)
    canvas.showPage()
    canvas.save()
    return target.getvalue()
