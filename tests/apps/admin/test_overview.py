"""The overview's figures are those of the published log."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from chatbot import analytics
from chatbot.analytics import Analytics
from chatbot.log.sample import write_sample
from chatbot.store.engine import utc_now

from .conftest import House, go, read_text


def read_metrics(app: AppTest) -> dict[str, str]:
    """Give the cards by label."""
    return {metric.label: metric.value for metric in app.metric}


def choose(app: AppTest, key: str) -> AppTest:
    """Choose a range."""
    return app.segmented_control(key="overview_range").set_value(key).run()


def sum_view(path: Path, hours: int) -> tuple[int, int, int, int]:
    """Add up the log's own view over the last hours: questions, answers, refused, failed."""
    with duckdb.connect(str(path), read_only=True) as log:
        row = log.execute(
            "SELECT sum(user_messages), sum(bot_messages), sum(refused), sum(failed) FROM usage_per_hour "
            "WHERE hour >= $start",
            {"start": utc_now() - timedelta(hours=hours)},
        ).fetchone()
    assert row
    return tuple(int(value or 0) for value in row)  # type: ignore[return-value]


def test_without_a_log_the_page_says_what_to_do(house: House) -> None:
    """Before the first publication there is a way to the first figure, and no error."""
    app = house.log_in()
    text = read_text(app)
    assert "There is no conversation log yet" in text
    assert "http://127.0.0.1:7860" in text
    assert "sample-log" in app.code[0].value
    assert not app.error


def test_empty_log_says_what_to_do(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log without messages names the chat's public address."""
    monkeypatch.setenv("PUBLIC_URL", "https://docs.example.org/chat")
    house.publish()
    app = house.log_in()
    assert "Nobody has asked anything yet" in read_text(app)
    assert "https://docs.example.org/chat" in read_text(app)
    assert not app.metric


def test_torn_log_is_named_as_ours(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that cannot be read is the service's fault, in one sentence."""
    monkeypatch.setattr(analytics, "OPEN_TIMEOUT_S", 0.2)
    (house.data_dir / "conversations.duckdb").write_bytes(b"not a database")
    app = house.log_in()
    assert app.error[0].value.startswith("The service could not do this")
    assert not app.exception


def test_figures_are_those_of_the_log(house: House) -> None:
    """Threads, messages, answered, refused and failed equal what the log's view says."""
    write_sample(house.store, messages=2000, days=20, seed=3, now=utc_now())
    house.publish()
    log = house.data_dir / "conversations.duckdb"
    app = choose(house.log_in(), "30d")
    metrics = read_metrics(app)
    questions, answers, refused, failed = sum_view(log, 24 * 30)
    totals = Analytics(log).count_totals(utc_now() - timedelta(days=30), utc_now())
    assert metrics["Messages"] == f"{questions + answers:,}" == "2,000"
    assert metrics["Refused"] == f"{refused:,}"
    assert metrics["Threads"] == f"{totals.threads:,}"
    assert metrics["Answered"] == f"{totals.answered:,}"
    assert metrics["Failed"] == f"{failed:,}"
    assert metrics["Testers"] == f"{totals.testers:,}"


def test_last_24_hours_come_first(house: House) -> None:
    """The page opens on the last 24 hours: what is older does not count."""
    house.add_thread(at=utc_now() - timedelta(hours=23))
    house.add_thread(at=utc_now() - timedelta(hours=25), tester="beta-2")
    house.publish()
    app = house.log_in()
    assert app.segmented_control(key="overview_range").value == "24h"
    assert read_metrics(app)["Threads"] == "1"
    assert read_metrics(app)["Messages"] == "2"
    assert read_metrics(choose(app, "7d"))["Threads"] == "2"


def test_custom_range_takes_whole_days_of_the_teams_zone(house: House) -> None:
    """The chosen days are days in TIMEZONE, the last one included."""
    now = utc_now()
    house.add_thread(at=now - timedelta(days=10))
    house.add_thread(at=now - timedelta(days=1), tester="beta-2")
    house.publish()
    app = choose(house.log_in(), "custom")
    day = (now - timedelta(days=10)).date()
    app = (
        app.date_input(key="overview_dates")
        .set_value((day - timedelta(days=1), day + timedelta(days=1)))
        .run()
    )
    assert read_metrics(app)["Threads"] == "1"


def test_range_half_chosen_is_no_error(house: House) -> None:
    """While only the first day is clicked the page shows that day."""
    house.add_thread()
    house.publish()
    app = choose(house.log_in(), "custom")
    app = app.date_input(key="overview_dates").set_value((date(2020, 1, 1),)).run()
    assert not app.error
    assert not app.exception


def test_range_without_messages_says_so(house: House) -> None:
    """A range in which nothing was asked is told apart from an empty log."""
    house.add_thread(at=utc_now() - timedelta(days=3))
    house.publish()
    app = house.log_in()
    assert "Nothing in this range" in read_text(app)
    assert read_metrics(app)["Threads"] == "0"


def test_age_of_the_data_is_shown_with_its_zone(house: House) -> None:
    """The page says of when its data is, in the team's time."""
    house.add_thread()
    house.publish()
    assert "(Europe/Paris), up to date" in read_text(house.log_in())


def test_refresh_reads_the_log_again(house: House) -> None:
    """After a new publication the button shows its figures."""
    house.add_thread()
    house.publish()
    app = house.log_in()
    house.add_thread(tester="beta-2")
    house.publish()
    app = app.button(key="refresh").click().run()
    assert read_metrics(app)["Threads"] == "2"


def test_latency_is_shown_as_median_and_95th(house: House) -> None:
    """First word and whole answer are told with the median and the 95th percentile."""
    for number in range(20):
        house.add_thread(tester=f"beta-{number}", first_token_ms=400, total_ms=1500)
    house.publish()
    metrics = read_metrics(house.log_in())
    assert metrics["First word, median"] == "400 ms"
    assert metrics["Whole answer, median"] == "1.5 s"


def test_outcomes_are_counted(house: House) -> None:
    """Each way an answer can end is named with its number."""
    house.add_thread()
    house.add_thread(status="refused", tester="beta-2")
    house.add_thread(status="failed", tester="beta-3", error_origin="provider", error_code="provider_timeout")
    house.publish()
    text = read_text(house.log_in())
    assert 'Not documented</span><span class="g-bar-count">1<small>33%' in text
    assert 'Stopped</span><span class="g-bar-count">0<small>0%' in text


def test_declined_letters_have_an_outcome_of_their_own(house: House) -> None:
    """What was declined is among the totals, the outcomes, the threads and the answers, under a name of its own."""
    house.add_thread()
    house.publish()
    app = house.log_in()
    assert "Declined" not in read_metrics(app)
    house.add_thread(assistant="letters", status="refused", is_personal=True)
    house.publish()
    app = app.button(key="refresh").click().run()
    metrics = read_metrics(app)
    assert (metrics["Declined"], metrics["Refused"]) == ("1", "0")
    assert 'Declined</span><span class="g-bar-count">1<small>50%' in read_text(app)
    assert "What the documents did not answer" not in read_text(app)
    app = go(app, "threads").selectbox(key="threads_status").set_value("declined").run()
    assert app.dataframe[0].value["status"].iloc[0] == ["Declined"]


def test_unanswered_questions_are_listed_newest_first(house: House) -> None:
    """What the documents did not answer is at the end of the page, one line each."""
    house.add_thread("Old?\nreally", "It does not say.", status="refused", at=utc_now() - timedelta(hours=5))
    house.add_thread("New?", "It does not say.", status="refused", tester="beta-2")
    house.publish()
    app = house.log_in()
    assert app.dataframe[0].value["question"].tolist() == ["New?", "Old? really"]


def test_french_page_has_french_numbers(house: House) -> None:
    """In French thousands are set apart by a thin space."""
    write_sample(house.store, messages=2000, days=5, seed=3, now=utc_now())
    house.publish()
    app = house.open(locale="fr-FR")
    app.text_input[0].set_value("anne")
    app.text_input[1].set_value("correct horse battery")
    app = choose(app.button[0].click().run(), "7d")
    assert read_metrics(app)["Messages"] == "2\u202f000"
    assert app.title[0].value == "Vue d'ensemble"
