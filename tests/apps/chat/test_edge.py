"""Headers that every response has, tried in a browser, and the host names that are answered to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from starlette.datastructures import Headers

from apps.chat.edge import REFUSED_FEATURES, build_headers, read_host
from tests.apps.chat.conftest import Client, Serve, Service, read_code

DATA = ("/api/threads", "/api/assistants", "/v1/models", "/health/live", "/metrics", "/config", "/", "/login")


def test_pages_of_allowed_origins_may_frame(serve: Serve) -> None:
    """`frame-ancestors` names the service and ALLOWED_ORIGINS; X-Frame-Options, which cannot, is left out then."""
    alone, shared = build_headers(()), build_headers(("https://docs.example.org", "https://b.example"))
    assert "frame-ancestors 'self'" in alone["content-security-policy"].split("; ")
    assert alone["x-frame-options"] == "SAMEORIGIN"
    policy = shared["content-security-policy"].split("; ")
    assert "frame-ancestors 'self' https://docs.example.org https://b.example" in policy
    assert "x-frame-options" not in shared
    headers = serve(allowed_origins="https://docs.example.org").client().get("/login").headers
    assert "frame-ancestors 'self' https://docs.example.org" in headers["content-security-policy"].split("; ")


@pytest.mark.parametrize("path", [*DATA, "/no/such", "/v1/none"])
def test_every_response_has_the_headers(tester: Client, path: str) -> None:
    """Data, pages and errors alike carry the security headers and are kept by nobody."""
    headers = tester.get(path).headers
    for name, value in build_headers(()).items():
        assert headers[name] == value
    assert headers["cache-control"] == "no-store"
    assert headers["x-trace-id"]


def test_features_of_the_device_are_refused() -> None:
    """No page of ours may ask for camera, microphone or place."""
    value = build_headers(())["permissions-policy"]
    assert value == ", ".join(f"{feature}=()" for feature in REFUSED_FEATURES)
    assert {"camera", "microphone", "geolocation"} <= set(REFUSED_FEATURES)


def test_what_never_changes_may_be_kept(tester: Client) -> None:
    """Scripts and styles of the page are no data: a browser keeps them."""
    assert "no-store" not in tester.get("/theme.css").headers.get("cache-control", "")
    script = tester.get("/api/docs/assets/swagger-ui-bundle.js")
    assert script.status_code == 200
    assert "no-store" not in script.headers.get("cache-control", "")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Ask.Example.org:443", "ask.example.org"),
        ("[::1]:7860", "[::1]"),
        ("127.0.0.1", "127.0.0.1"),
        ("", ""),
    ],
)
def test_host_is_read_without_its_port(host: str, name: str) -> None:
    """Case and port do not make another host."""
    assert read_host(Headers({"host": host})) == name


def test_names_below_a_star_are_trusted(serve: Serve) -> None:
    """`*.example.org` stands for every name below, and not for the name itself; a refusal has our form."""
    client = serve(trusted_hosts="*.example.org, 127.0.0.1").client()
    assert client.get("/health/live", headers={"host": "a.example.org"}).status_code == 200
    for host in ("example.org", "evil-example.org", "a.example.org.evil.example"):
        refused = client.get("/health/live", headers={"host": host})
        assert read_code(refused) == (400, "invalid_request")


@pytest.fixture
def messages(browser: Browser, service: Service) -> Iterator[list[str]]:
    """Open login, page and API page in Chromium; give what the console complained of."""
    found: list[str] = []
    token = service.client().log_in().json()["token"]
    context = browser.new_context()

    def open_page(path: str, shown: str) -> Page:
        # A page each: left while its stream is open, Gradio complains of the end of it.
        page = context.new_page()
        page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: found.append(str(error)))
        page.goto(f"{service.url}{path}")
        page.wait_for_selector(shown, timeout=120_000)
        return page

    open_page("/login", "#password")
    context.add_cookies([{"name": "guichet", "value": token, "url": service.url}])
    # Not the box: it is seen only until the privacy notice takes its place.
    open_page("/", "body.is-ready")
    assert open_page("/api/docs", ".opblock").locator(".opblock").count() > 15
    yield found
    context.close()


@pytest.mark.needs("chromium")
def test_policy_lets_our_pages_live(messages: list[str]) -> None:
    """Login, chat page and API page run in Chromium without a complaint of the policy or a failing script."""
    assert messages == []


@pytest.mark.needs("chromium")
def test_policy_keeps_others_out(browser: Browser, service: Service) -> None:
    """On a page of ours a script from elsewhere does not load, nothing is fetched from elsewhere, eval is refused."""
    asked: list[str] = []
    page = browser.new_page()
    page.route("https://evil.example/**", lambda route: (asked.append(route.request.url), route.abort()))
    page.goto(f"{service.url}/login")
    outcome = page.evaluate(
        """async () => {
            const tried = {};
            for (const [name, make] of Object.entries({
                script: () => Object.assign(document.createElement('script'), {src: 'https://evil.example/a.js'}),
                image: () => Object.assign(new Image(), {src: 'https://evil.example/a.png'}),
                frame: () => Object.assign(document.createElement('iframe'), {src: 'https://evil.example/'}),
            })) {
                const refused = new Promise(done => document.addEventListener(
                    'securitypolicyviolation', event => done(event.effectiveDirective), {once: true}));
                document.body.append(make());
                tried[name] = await refused;
            }
            tried.fetch = await fetch('https://evil.example/').then(() => 'came', () => 'refused');
            try { tried.eval = new Function('return "ran"')(); } catch (error) { tried.eval = 'refused'; }
            return tried;
        }"""
    )
    page.close()
    assert outcome == {
        "script": "script-src-elem",
        "image": "img-src",
        "frame": "frame-src",
        "fetch": "refused",
        "eval": "refused",
    }
    assert asked == []
