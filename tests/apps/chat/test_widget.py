"""The widget's file, what it is told before it speaks, and the page to try it on: over HTTP, without a browser."""

from __future__ import annotations

import gzip
import re

import pytest

from apps.chat.bundle import bundle_talk_style, bundle_widget
from apps.chat.texts import FAULTS
from apps.chat.widget import DEMO_POLICY, SOURCES, TALK_STYLE, WIDGET
from apps.chat.widget_texts import EXPLAINED, FIRST, OWN, gather_words
from tests.apps.chat.conftest import Client, Serve, Service, read_code

LIMIT_BYTES = 40_000
SITE = "https://docs.example.org"


def list_said() -> set[str]:
    """Give the names of the words that the sources say by a fixed name."""
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*.js"))
    return set(re.findall(r'say\("(\w+)"', text))


class TestFile:
    """What `/widget.js` is, and how it is given."""

    def test_is_made_of_its_sources(self) -> None:
        """The file in the repository is what `make widget` makes of the sources that stand beside it."""
        assert WIDGET.read_text(encoding="utf-8") == bundle_widget(), "run `make widget`"
        assert TALK_STYLE.read_text(encoding="utf-8") == bundle_talk_style(), "run `make widget`"

    def test_is_small(self, service: Service) -> None:
        """The one file has less than 40 KB, as it is and without compression."""
        response = service.client().get("/widget.js", headers={"accept-encoding": "identity"})
        assert 10_000 < len(response.content) < LIMIT_BYTES
        assert "content-encoding" not in response.headers

    def test_asks_for_nothing_from_elsewhere(self) -> None:
        """No address stands in it but the name of SVG's elements, and nothing is evaluated or written as HTML."""
        text = WIDGET.read_text(encoding="utf-8")
        assert set(re.findall(r"https?://[\w.]+[\w/]*", text)) == {"http://www.w3.org/2000/svg"}
        assert not re.search(
            r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacent|document\.write|\.cookie", text
        )

    def test_may_be_loaded_by_any_site(self, service: Service) -> None:
        """It is a script that any origin may load, that no browser takes for another kind, and without a login."""
        headers = service.client().get("/widget.js").headers
        assert headers["content-type"] == "text/javascript; charset=utf-8"
        assert headers["cross-origin-resource-policy"] == "cross-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers
        assert service.client().head("/widget.js").status_code == 200

    def test_is_fetched_once(self, service: Service) -> None:
        """A browser may keep it for a while, then asks whether it has changed."""
        client = service.client()
        first = client.get("/widget.js")
        assert first.headers["cache-control"].startswith("public, max-age=")
        again = client.get("/widget.js", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get("/widget.js", headers={"if-none-match": '"other"'}).status_code == 200

    def test_travels_packed(self, service: Service) -> None:
        """Whoever takes gzip gets it, with the same contents."""
        with service.client().stream("GET", "/widget.js", headers={"accept-encoding": "gzip"}) as response:
            packed = b"".join(response.iter_raw())
        assert response.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed) == WIDGET.read_bytes()


class TestWords:
    """What it says, it says in both languages."""

    def test_both_languages_say_the_same(self) -> None:
        """No word is missing in a language, and each takes the same values."""
        english, french = gather_words("en"), gather_words("fr")
        assert set(english) == set(french)
        for name, text in english.items():
            assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", french[name])), name

    def test_says_nothing_unknown(self) -> None:
        """Every word that the sources say is there, and every word of its own is said."""
        assert list_said() - set(gather_words("en")) == set()
        sources = "".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*.js"))
        unused = {name for name in OWN["en"] if name.removesuffix("_one") not in sources}
        assert unused == set()

    def test_has_a_sentence_for_every_error(self) -> None:
        """An error of the interface has its sentence, those before the first answer too; some bring it with them."""
        assert set(FAULTS["en"]) - set(EXPLAINED) <= set(gather_words("en"))
        assert set(FIRST) <= set(gather_words("en"))


class TestState:
    """What it is told before it speaks."""

    def test_says_nothing_of_assistants_before_the_login(self, service: Service) -> None:
        """Without a login it is told that one is needed, the notice and the words; of the assistant nothing."""
        state = service.client().get("/api/widget").json()
        assert (state["needs_login"], state["logged_in"], state["assistant"]) == (True, False, None)
        assert (state["chooser"], state["form"]) == ("", "")
        assert service.client().get("/api/widget?assistant=nobody").status_code == 200
        assert state["privacy_notice"]["html"]
        assert not state["privacy_notice"]["accepted"]
        assert state["words"]["login_button"] == "Come in"

    def test_introduces_the_assistant_to_testers(self, tester: Client) -> None:
        """With a login it is told what to show of an empty conversation, and what one may have."""
        state = tester.get("/api/widget", headers={"accept-language": "fr"}).json()
        assert state["assistant"]["greeting"].startswith("Que voulez-vous savoir\u202f?")
        assert len(state["assistant"]["examples"]) == 4
        assert all(text.endswith("\u202f?") for text in state["assistant"]["examples"])
        assert (state["language"], state["words"]["stop"]) == ("fr", "Arrêter")
        assert state["session"]["messages_left"] == 50
        assert state["session"]["expires_at"] is None

    def test_unknown_assistant_is_named(self, tester: Client) -> None:
        """A script tag that names an assistant which is not there is told so."""
        assert read_code(tester.get("/api/widget?assistant=nobody")) == (404, "unknown_assistant")

    def test_offers_the_choice_of_an_assistant(self, tester: Client) -> None:
        """Where the site names none, all are shown, with the form of the one that is chosen."""
        state = tester.get("/api/widget").json()
        assert 'data-assistant="support" data-kind="documentation" aria-pressed="true"' in state["chooser"]
        assert (state["assistant"]["kind"], state["form"]) == ("documentation", "")
        state = tester.get("/api/widget?choice=letters").json()
        assert 'data-assistant="letters" data-kind="writer" aria-pressed="true"' in state["chooser"]
        assert 'data-do="kind" data-document="cancellation"' in state["form"]
        state = tester.get("/api/widget?choice=letters&document=cancellation").json()
        assert '<form class="form"' in state["form"]

    def test_site_may_fix_the_assistant(self, tester: Client) -> None:
        """Where the site names one, there is no choice, whatever the browser remembers."""
        state = tester.get("/api/widget?assistant=letters&choice=support").json()
        assert (state["chooser"], state["assistant"]["name"]) == ("", "letters")
        assert 'data-do="kind"' in state["form"]

    def test_absent_assistant_has_no_form(self, tester: Client) -> None:
        """One that needs a model where there is none shows the reason, and nothing to fill in."""
        state = tester.get("/api/widget?choice=stories").json()
        assert "CHAT_MODEL" in state["chooser"]
        assert state["form"] == ""

    def test_open_house_needs_no_login(self, serve: Serve) -> None:
        """In open mode it is told everything, and no login is made by asking."""
        response = serve(beta_password=None).client().get("/api/widget")
        assert (response.json()["needs_login"], response.json()["assistant"]["name"]) == (False, "support")
        assert "set-cookie" not in response.headers

    def test_click_is_remembered(self, tester: Client) -> None:
        """Who agreed to the notice is not asked again."""
        version = tester.get("/api/widget").json()["privacy_notice"]["version"]
        assert tester.post("/api/accept_notice", json={"version": version}).status_code == 204
        assert tester.get("/api/widget").json()["privacy_notice"]["accepted"]

    def test_other_origins_may_ask(self, serve: Serve) -> None:
        """An allowed origin may send what the widget sends and read what it reads."""
        client = serve(allowed_origins=SITE).client(headers={"origin": SITE})
        names = ["authorization", "content-type", "idempotency-key", "last-event-id"]
        asked = {"access-control-request-method": "POST", "access-control-request-headers": ",".join(names)}
        preflight = client.options("/api/chat", headers=asked)
        assert preflight.status_code == 200
        assert set(names) <= set(preflight.headers["access-control-allow-headers"].lower().split(", "))
        answer = client.get("/api/widget")
        assert answer.headers["access-control-allow-origin"] == SITE
        assert "retry-after" in answer.headers["access-control-expose-headers"].lower()


class TestDemo:
    """The page to try it on."""

    @pytest.mark.parametrize(("accepted", "title"), [("en", "Try the widget"), ("fr", "Essayer le widget")])
    def test_speaks_the_readers_language(self, service: Service, accepted: str, title: str) -> None:
        """The page is there in English and French, under its own strict policy, and not to be kept."""
        response = service.client().get("/widget-demo", headers={"accept-language": accepted})
        assert f"<title>{title}</title>" in response.text
        assert response.headers["content-security-policy"] == DEMO_POLICY
        assert "'unsafe-inline'" not in DEMO_POLICY
        assert response.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize("path", ["/widget-demo", "/widget-demo/style.css", "/widget-demo/demo.js"])
    def test_is_for_loopback_alone(self, service: Service, path: str) -> None:
        """From this machine it is there; where anything stands between there is no such page."""
        assert service.client().get(path).status_code == 200
        forwarded = service.client().get(path, headers={"x-forwarded-for": "192.0.2.1"})
        assert read_code(forwarded) == (404, "not_found")

    def test_shows_no_hostile_host(self, service: Service) -> None:
        """A host name of somebody's own making stays text."""
        response = service.client().get("/widget-demo", headers={"host": '"><script>alert(1)</script>'})
        assert "<script>alert" not in response.text
