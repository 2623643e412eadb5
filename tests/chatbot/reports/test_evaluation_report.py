"""The report of an evaluation: whole in one file, honest in its figures, and deaf to what hostile text asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page, sync_playwright

from chatbot.comparison import Comparison, compare
from chatbot.outcomes import Dump, Outcome, measure, measure_intervals
from chatbot.question_set import FoundPassage
from chatbot.reports.charts import draw_histogram
from chatbot.reports.evaluation_curves import trace_refusal
from chatbot.reports.evaluation_report import Heading, render_report
from chatbot.reports.evaluation_rows import MAX_PASSAGE_BYTES, describe_rows
from chatbot.reports.evaluation_words import Language, list_words
from tests.chatbot.runs import make_outcome
from tests.conftest import find_chromium

HOSTILE = "</script><img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
HOSTILE += "\u2028$title{x}"
OUTSIDE = {"out_of_scope": True, "rank": None}
VERDICTS = {
    "Right passage cited": make_outcome("right", cited=(1,), cites_right=True, total_ms=30, retrieval_ms=1),
    "Other passage cited": make_outcome("other", rank=2, cited=(1,), cites_right=False, total_ms=20, retrieval_ms=2),
    "Right passage not found": make_outcome("lost", rank=None, cites_right=False),
    "Refused wrongly": make_outcome("modest", refused=True),
    "Refused rightly": make_outcome("outside", **OUTSIDE, refused=True, near=True),
    "Answered though outside": make_outcome("invented", **OUTSIDE),
    "Failed": make_outcome("broken", answer="", error_code="provider_error", error="It broke off."),
}  # fmt: skip


def render(
    outcomes: list[Outcome],
    comparison: Comparison | None = None,
    *,
    language: Language = "en",
    **summary: Any,
) -> str:
    """Lay out a report with made-up figures of the knowledge."""
    heading = Heading("set.jsonl", "documents", "", language, datetime(2025, 3, 1, tzinfo=UTC))
    knowledge = {
        "knowledge_tokens": 1000,
        "index_seconds": 0.5,
        "passages": 20,
        "stopped": None,
        "not_asked": 0,
    }
    intervals = {"intervals_95": measure_intervals(outcomes)}
    return render_report(outcomes, measure(outcomes) | knowledge | intervals | summary, heading, comparison)


def read_data(page: str) -> dict[str, Any]:
    """Give the data that stands in a report."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


@pytest.fixture
def browser_page(tmp_path: Path) -> Iterator[Page]:
    """Give a page of Chromium that notes what it asks the network for and what goes wrong."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        yield page
        browser.close()


def show(page: Page, folder: Path, text: str) -> list[str]:
    """Open a report from disk and give what it asked for or complained of."""
    noted: list[str] = []
    page.on("request", lambda request: noted.append(request.url))
    page.on("pageerror", lambda error: noted.append(str(error)))
    page.on("console", lambda message: noted.append(message.text))
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    page.goto(path.as_uri())
    return [note for note in noted if note != path.as_uri()]


def test_hostile_text_stays_text() -> None:
    """Whatever question, passage, answer or name says, it ends no element and begins none."""
    outcome = make_outcome(HOSTILE, answer=HOSTILE)
    outcome = Outcome(
        outcome.question, (FoundPassage(HOSTILE, HOSTILE, HOSTILE),), HOSTILE, refused=False, model=HOSTILE
    )
    comparison = compare([outcome], Dump((outcome,), 0, 1), HOSTILE)
    page = render([outcome], comparison)
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img" not in page
    row = read_data(page)["rows"][0]
    assert row["id"] == HOSTILE
    assert "<img" not in row["answer"]
    assert read_data(page)["passages"] == [[HOSTILE, HOSTILE, HOSTILE]]


def test_policy_of_the_file_allows_its_own_script_alone() -> None:
    """Nothing is loaded, no handler runs, and no style stands in an attribute that the policy would refuse."""
    page = render(list(VERDICTS.values()))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert " style=" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page.partition('<script type="application/json"')[0])


def test_passage_found_many_times_stands_once() -> None:
    """The file grows with the documents, not with how often a passage is found."""
    data = describe_rows([make_outcome(str(number), rank=3) for number in range(50)], None)
    assert len(data["passages"]) == 2
    assert data["rows"][0]["found"] == [0, 0, 1, *[0] * 7]
    assert data["rows"][0]["right"] == [3]


def test_passages_of_a_large_base_are_cut() -> None:
    """Where they would make the file too large each is cut to one length, which is said."""
    text = "x" * 1500
    outcomes = [
        Outcome(
            make_outcome(str(number)).question,
            tuple(FoundPassage("a.md", f"{number}.{rank}", text) for rank in range(10)),
            "",
            refused=True,
        )
        for number in range(MAX_PASSAGE_BYTES // 1500 // 10 + 1)
    ]
    data = describe_rows(outcomes, None)
    assert data["cut"] == 1000
    assert {len(passage[2]) for passage in data["passages"]} == {1000}


def test_early_end_and_other_questions_are_said() -> None:
    """A report of a part of the set, or beside a run of other questions, says so at its head."""
    outcome = make_outcome()
    page = render([outcome], compare([outcome], Dump((), 4, 0), "old"), stopped="interrupted", not_asked=7)
    assert "Stopped early (interrupted): 7 questions were not asked" in page
    assert "1 are in this run alone, 4 in the earlier one alone" in page


@pytest.mark.parametrize("language", ["en", "fr"])
def test_charts_are_named_and_described(language: Language) -> None:
    """Each chart is an image with a name that also says its values, in the report's language."""
    page = render(list(VERDICTS.values()), language=language)
    charts = re.findall(r'<svg class="chart".*?</svg>', page, re.DOTALL)
    assert len(charts) == 4
    for chart in charts:
        element = ElementTree.fromstring(chart)  # noqa: S314 - of our own making
        assert element.get("role") == "img"
        assert element.get("aria-label")
        assert element.findtext("desc")
    assert list_words(language)["curve_hits"] in page


def test_every_phrase_has_both_languages_and_the_same_values() -> None:
    """A value that one language shows the other shows too."""
    english, french = list_words("en"), list_words("fr")
    for name in english:
        assert set(re.findall(r"\{\w+\}", english[name])) == set(re.findall(r"\{\w+\}", french[name])), name


def test_refusal_is_traced_over_every_threshold() -> None:
    """Scores that tell the two kinds apart wholly give an area of 1, no difference gives a half."""
    inside = make_outcome("a", rank=1)
    outside = make_outcome("b", **OUTSIDE)
    assert trace_refusal([inside, outside]) == (((0.0, 0.0), (0.0, 1.0), (1.0, 1.0)), 1.0)
    same = make_outcome("c", rank=None)
    assert trace_refusal([same, outside]) == (((0.0, 0.0), (1.0, 1.0)), 0.5)
    assert trace_refusal([inside]) is None


def test_histogram_loses_no_value() -> None:
    """Every value is in a bar, those beyond the 99th percentile in the last, noughts in the first."""
    svg = draw_histogram("t", "d", [0.0] * 5 + [float(number) for number in range(200)] + [1e6], "x", "y")
    counts = [int(count) for count in re.findall(r": (\d+)</title></rect>", svg)]
    assert sum(counts) == 206
    assert draw_histogram("t", "d", [0.0, 0.0], "x", "y").count("<rect") == 1


@pytest.mark.needs("chromium")
def test_rows_are_filtered_sorted_and_opened(browser_page: Page, tmp_path: Path) -> None:
    """Verdict, change and text narrow the list, the counts follow, a row shows answer and passages, and all can be
    cleared; the file asks the network for nothing and breaks no policy of its own.
    """
    outcomes = list(VERDICTS.values())
    before = [make_outcome("right", refused=True), *outcomes[1:]]
    page = browser_page
    noted = show(page, tmp_path, render(outcomes, compare(outcomes, Dump(tuple(before), 0, 0), "old")))
    rows = page.locator(".row")
    chip = page.get_by_role("group", name="Verdicts").get_by_role("button")
    assert chip.all_text_contents() == [f"{name}1" for name in VERDICTS]
    assert rows.count() == 7
    chip.filter(has_text="Failed").click()
    assert rows.count() == 1
    rows.locator("summary").click()
    assert "provider_error: It broke off." in rows.inner_text()
    chip.filter(has_text="Failed").click()
    page.get_by_label("Search the questions").fill("where is RIGHT?")
    page.get_by_text("1 of 1 questions shown").wait_for()
    rows.locator("> summary").click()
    # Its inside is written when it opens, which the browser tells a moment later.
    page.locator(".passages > li").nth(9).wait_for(state="attached")
    assert page.locator(".passages > li").count() == 10
    assert page.locator(".passages > li.right").inner_text().count("The gold is in the second drawer.") == 1
    assert "Refused wrongly" in rows.inner_text()
    page.locator(".panel [data-cite]").first.click()
    assert page.locator(".passages > li.lit").count() == 1
    page.get_by_label("Search the questions").fill("nowhere at all")
    page.get_by_text("No question fits these filters.").wait_for()
    assert chip.first.text_content() == "Right passage cited0"
    page.get_by_role("button", name="Clear filters").click()
    assert rows.count() == 7
    page.get_by_role("combobox", name="Change").select_option("better")
    assert rows.count() == 1
    page.get_by_role("combobox", name="Change").select_option("")
    page.get_by_label("Sort by").select_option("worst")
    assert "Failed" in rows.first.inner_text()
    assert noted == []


@pytest.mark.needs("chromium")
def test_hostile_rows_do_nothing_in_a_browser(browser_page: Page, tmp_path: Path) -> None:
    """Opened with every row unfolded, hostile text changes nothing, and the page is no wider than a phone."""
    outcome = make_outcome(
        "x", answer=f"{HOSTILE} [1] [a](javascript:alert(1))", error_code="provider_error", error=HOSTILE
    )
    long = make_outcome("y" * 300, answer="z" * 3000)
    page = browser_page
    page.set_viewport_size({"width": 390, "height": 800})
    noted = show(page, tmp_path, render([outcome, long]))
    for row in page.locator(".row > summary").all():
        row.click()
    assert page.title() == "Evaluation · set.jsonl"
    assert page.locator(".panel img, .panel script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert noted == []


@pytest.mark.needs("chromium")
def test_long_list_is_shown_in_parts(browser_page: Page, tmp_path: Path) -> None:
    """Thousands of questions are rows only as far as they are asked for."""
    show(browser_page, tmp_path, render([make_outcome(f"q{number}") for number in range(2000)]))
    assert browser_page.locator(".row").count() == 50
    browser_page.get_by_role("button", name="Show 50 more").click()
    assert browser_page.locator(".row").count() == 100
    assert browser_page.get_by_role("status").text_content() == "100 of 2,000 questions shown"
    assert browser_page.evaluate("document.activeElement.closest('.row').id") == "question-50"
