"""A team's site that embeds the widget: another origin, under the strictest policy that a site may have."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from tests.apps.chat.conftest import PASSWORD

PAGE = """<!doctype html><html lang="en" {html}><head><meta charset="utf-8"><title>A team's site</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/site.css">
<script src="{service}/widget.js" {options} defer></script></head>
<body><main><h1>A team's site</h1><p>Words of the site. <a href="/other">Another page</a></p></main></body></html>"""
POLICY = (
    "default-src 'self'; script-src 'self' {service}; connect-src 'self' {service}; img-src 'self' {service}; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# What a page does to everything in it, hostile or only careless.
HOSTILE = (
    "html { font-size: 44px !important; direction: rtl } body { transform: scale(.5); filter: blur(2px) } "
    "* { all: unset !important } div, section, button, guichet-widget { display: none !important; "
    "opacity: 0 !important }"
)
WATCH = """
window.heard = []; window.violations = [];
addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective));
for (const name of ['ready', 'open', 'close', 'message', 'answer', 'error'])
  addEventListener('guichet:' + name, (event) => heard.push([name, event.detail]));
"""


class Site:
    """The site's server; `service`, the address of the chat service, is told once it is known.

    `options` are the attributes of its script tag, `html` those of its root, `sheet` its style sheet.
    """

    def __init__(self) -> None:
        self.service = ""
        self.sheet = "body { font: 18px/1.6 Georgia, serif; margin: 3rem; background: #fafaf8 }"
        self.options = 'data-title="Ask Teapot"'
        self.html = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def run(self) -> Iterator[Site]:
        """Serve in a thread."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                is_sheet = self.path.endswith(".css")
                page = PAGE.format(service=site.service, options=site.options, html=site.html)
                content = (site.sheet if is_sheet else page).encode()
                self.send_response(200)
                self.send_header("content-type", "text/css" if is_sheet else "text/html; charset=utf-8")
                self.send_header("content-length", str(len(content)))
                self.send_header("content-security-policy", POLICY.format(service=site.service))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments: object) -> None:
                pass

        return Handler


class Visitor:
    """A browser page on the site, and what one does with the widget there."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page = page
        self.site = site
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.add_init_script(WATCH)

    def _hear(self, message: Any) -> None:
        # Chromium itself reports every answer of 400 and more, and a line that is cut.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def arrive(self, path: str = "/") -> Visitor:
        """Go to the site."""
        self.page.goto(self.site.origin + path)
        expect(self.launcher).to_be_attached()
        return self

    def come_in(self) -> Visitor:
        """Open the widget, log in, agree to the notice."""
        self.launcher.click()
        self.find(".login input").fill(PASSWORD)
        self.page.keyboard.press("Enter")
        self.find("[data-do=accept]").click()
        expect(self.box).to_be_visible()
        return self

    def ask(self, text: str, status: str = "complete") -> Locator:
        """Ask, and give the turn once it has ended so."""
        ended = self.find(f".turn[data-status={status}]")
        count = ended.count()
        self.box.fill(text)
        self.page.keyboard.press("Enter")
        expect(ended).to_have_count(count + 1, timeout=40_000)
        return ended.last

    def find(self, selector: str) -> Locator:
        """Give what is in the widget; Playwright looks into open shadow roots."""
        return self.page.locator(f"guichet-widget {selector}")

    @property
    def launcher(self) -> Locator:
        """The round button."""
        return self.find(".launcher")

    @property
    def panel(self) -> Locator:
        """The panel."""
        return self.find(".panel")

    @property
    def box(self) -> Locator:
        """The box that a question is typed into."""
        return self.find(".composer textarea")

    def hear(self, name: str) -> list[dict[str, Any]]:
        """Give the details of the events that the page heard."""
        heard = self.page.evaluate("heard")
        return [detail for event, detail in heard if event == name]

    def check_quiet(self) -> None:
        """Nothing broke the site's policy, and nothing failed in a script."""
        assert self.page.evaluate("violations") == []
        assert self.complaints == []


def open_site(browser: Browser, site: Site, **options: Any) -> Visitor:
    """Give a visitor with a browser profile of its own."""
    # Without motion: what is measured stands still.
    settings: dict[str, Any] = {
        "viewport": {"width": 1200, "height": 800},
        "locale": "en-GB",
        "reduced_motion": "reduce",
    }
    context = browser.new_context(**(settings | options))
    context.set_default_timeout(10_000)
    return Visitor(context.new_page(), site)
