"""What every page stands in: navigation, login, heading, the age of the data, errors as sentences."""

from __future__ import annotations

import html
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import streamlit as st

from apps.admin import login
from apps.admin.formats import escape_markdown, write_age, write_time
from apps.admin.services import Services, get_services
from apps.admin.texts import Texts, choose_texts
from chatbot.analytics import Analytics, LogInfo
from chatbot.errors import GuichetError, LogUnavailable
from chatbot.store.records import Account
from chatbot.translation import translate

OVERVIEW = "pages/overview.py"
THREADS = "pages/threads.py"
THREAD = "pages/thread.py"
ASSISTANTS = "pages/assistants.py"
ASSISTANT = "pages/assistant.py"
STORY_PROMPTS = "pages/story_prompts.py"
TEMPLATES = "pages/templates.py"
ACCOUNT = "pages/account.py"
# What stands at the side, in its order.
_LINKS = (
    (OVERVIEW, "page.overview", ":material/monitoring:"),
    (THREADS, "page.threads", ":material/forum:"),
    (ASSISTANTS, "page.assistants", ":material/smart_toy:"),
    (STORY_PROMPTS, "page.story_prompts", ":material/auto_stories:"),
    (TEMPLATES, "page.templates", ":material/description:"),
    (ACCOUNT, "page.account", ":material/person:"),
)
AGE_EVERY_S = 5
_STYLE = Path(__file__).with_name("style.css")
_ICON = str(Path(__file__).with_name("icon.svg"))
_IS_FRAMED = "is_framed"
_ARRIVAL = "arrival"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks at a page, with what it works with, in which language."""

    account: Account
    services: Services
    texts: Texts

    @property
    def zone(self) -> ZoneInfo:
        """`TIMEZONE`: the zone of all times shown."""
        return self.services.settings.zone

    @property
    def analytics(self) -> Analytics:
        """The published log."""
        return self.services.analytics


def run_page() -> None:
    """Draw the frame and run the page in it: all that `main.py` does on each run."""
    with explain_errors():
        page = _draw_frame()
        st.session_state[_IS_FRAMED] = True
        page.run()


def enter() -> Visit:
    """Open a page: ask for the login first, whichever way the page was reached."""
    # Before the first navigation of a process Streamlit runs a file in `pages` by itself, without `main.py`.
    if not st.session_state.pop(_IS_FRAMED, False):
        _draw_frame()
    account = login.require_login()
    services = get_services()
    return Visit(account, services, choose_texts(services.settings.language))


@contextmanager
def explain_errors() -> Iterator[None]:
    """Show an error as one sentence that says whose it is; what nobody foresaw is logged in full."""
    try:
        yield
    except GuichetError as error:
        texts = choose_texts("auto")
        st.error(
            texts[f"error.{error.origin}"].format(
                message=escape_markdown(translate(str(error), texts["language"]))
            ),
            icon=":material/error:",
        )
    except Exception:
        logger.exception("A page of the admin failed")
        st.error(choose_texts("auto")["error.unexpected"], icon=":material/error:")


def count_arrivals() -> int:
    """Give a number that changes when the reader comes to a page from another: the fields there are empty again."""
    return int(st.session_state.get(_ARRIVAL, ("", 0))[1])


def show_title(title: str) -> None:
    """Head a page that shows what is saved, as it is now."""
    with st.container(key="title"):
        st.title(title, anchor=False)


def show_log_title(visit: Visit, title: str) -> LogInfo:
    """Head a page that shows the published log: its title and how old the data is; go no further without a log."""
    with st.container(
        key="head", horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.title(title, anchor=False, width="content")
        _show_age(visit)
    try:
        info = visit.analytics.read_info()
    except LogUnavailable:
        if visit.services.settings.log_path.exists():
            raise
        show_empty(visit, visit.texts["empty.log.title"], visit.texts["empty.log.body"])
        st.stop()
    if not info.rows.get("messages"):
        show_empty(visit, visit.texts["empty.title"])
        st.stop()
    return info


def show_empty(visit: Visit, title: str, body: str = "") -> None:
    """Say that there is nothing yet, and what to do about it."""
    settings, texts = visit.services.settings, visit.texts
    address = settings.public_url or f"http://{settings.chat_host}:{settings.chat_port}"
    with st.container(key="empty", border=True, horizontal_alignment="center"):
        st.markdown(f":material/forum: **{title}**")
        if body:
            st.markdown(body)
        st.markdown(texts["empty.ask"].format(address=address))
        st.markdown(texts["empty.sample"])
        st.code("python -m chatbot sample-log --messages 5000 --days 30 --seed 1", language="bash")


def show_nothing(title: str, body: str) -> None:
    """Say that the choice made leaves nothing to show."""
    with st.container(key="nothing", border=True, horizontal_alignment="center"):
        st.markdown(f":material/filter_alt_off: **{title}**")
        st.markdown(body)


def show_blank(title: str, body: str, *, icon: str) -> None:
    """Say that nothing was made here yet, and how it is."""
    with st.container(key="nothing", border=True, horizontal_alignment="center"):
        st.markdown(f":material/{icon}: **{title}**")
        st.markdown(body)


@st.fragment(run_every=AGE_EVERY_S)
def _show_age(visit: Visit) -> None:
    # Runs by itself: the one place where a page left open finds that its session has ended.
    if login.find_account() is None:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", key="age", width="content"):
        try:
            info = visit.analytics.read_info()
        except LogUnavailable:
            return
        fresh_at = max(info.published_at, info.checked_at or info.published_at)
        age = visit.services.store.clock() - fresh_at
        text = visit.texts["age.now"].format(
            time=write_time(info.published_at, visit.zone),
            zone=visit.zone.key,
            age=write_age(age, visit.texts),
        )
        st.html(f'<span class="g-muted g-age">{html.escape(text)}</span>', width="content")
        if st.button(visit.texts["age.refresh"], icon=":material/refresh:", key="refresh"):
            st.rerun()


def _draw_frame() -> st.Page:
    """Draw style and navigation around who is in, and give the page to run; draw the login alone for who is not."""
    st.set_page_config(page_title="Guichet", page_icon=_ICON, layout="wide")
    st.html(_STYLE)
    texts = choose_texts(get_services().settings.language)
    # Named before the login: else Streamlit lists the files in `pages` beside it. Hidden, because an icon given here
    # becomes the browser tab's, which Streamlit fetches from another host.
    page = st.navigation(_list_pages(texts), position="hidden")
    path, count = st.session_state.get(_ARRIVAL, ("", 0))
    if path != page.url_path:
        st.session_state[_ARRIVAL] = (page.url_path, count + 1)
    _draw_sidebar(login.require_login(), texts)
    return page


def _draw_sidebar(account: Account, texts: Texts) -> None:
    with st.sidebar:
        with st.container(key="links"):
            for page, name, icon in _LINKS:
                st.page_link(page, label=texts[name], icon=icon, width="stretch")
        with st.container(key="who"):
            st.html(
                f'<div class="g-who"><b>{html.escape(account.name)}</b>'
                f"<span>{html.escape(texts[f'account.role.{account.role}'])}</span></div>"
            )
            st.button(
                texts["logout"],
                icon=":material/logout:",
                key="log_out",
                on_click=login.log_out,
                type="tertiary",
            )


def _list_pages(texts: Texts) -> list[st.Page]:
    return [
        st.Page(OVERVIEW, title=texts["page.overview"], default=True),
        st.Page(THREADS, title=texts["page.threads"], url_path="threads"),
        st.Page(THREAD, title=texts["page.thread"], url_path="thread"),
        st.Page(ASSISTANTS, title=texts["page.assistants"], url_path="assistants"),
        st.Page(ASSISTANT, title=texts["page.assistant"], url_path="assistant"),
        st.Page(STORY_PROMPTS, title=texts["page.story_prompts"], url_path="story_prompts"),
        st.Page(TEMPLATES, title=texts["page.templates"], url_path="templates"),
        st.Page(ACCOUNT, title=texts["page.account"], url_path="account"),
    ]
