"""The team's story prompts: a list by tag, a form for one, what another saved meanwhile."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from apps.admin.diff_view import show_difference
from apps.admin.formats import escape_markdown, write_moment
from apps.admin.frame import Visit, show_blank
from apps.admin.notices import announce, attempt, show_fault
from chatbot.errors import EditConflict, InvalidForm
from chatbot.roles import require
from chatbot.store import story_prompts
from chatbot.store.story_prompts import TEAM, NewPrompt, StoryPrompt
from chatbot.story_collection import add_collection, read_examples

NEW = "new"
_CHOSEN = "story_prompt"
_FAULTS = "story_prompt_faults"
_MINE = "story_prompt_mine"
_TURN = "story_prompt_turn"
_LANGUAGES = ("", "en", "fr")


@dataclass(frozen=True, slots=True)
class Written:
    """What an admin wrote into the form, and the save that he began from."""

    prompt: NewPrompt
    revision: int


def show_prompts(visit: Visit) -> None:
    """List the team's prompts by tag; a click opens one."""
    texts = visit.texts
    prompts = visit.services.store.read(story_prompts.list_prompts)
    with st.container(horizontal=True, vertical_alignment="bottom", key="prompt_bar"):
        tags = sorted({tag for prompt in prompts for tag in prompt.tags}, key=str.casefold)
        chosen = (
            st.pills(
                texts["prompts.tags"],
                tags,
                selection_mode="multi",
                format_func=escape_markdown,
                key="prompt_tags",
            )
            if tags
            else []
        )
        if st.button(texts["prompts.new"], icon=":material/add:", key="new_prompt"):
            _open(NEW)
    shown = [prompt for prompt in prompts if set(chosen or ()) <= set(prompt.tags)]
    if not shown:
        show_blank(texts["prompts.none"], texts["prompts.none.body"], icon="auto_stories")
    if not prompts:
        _offer_examples(visit)
    with st.container(key="prompts"):
        for prompt in shown:
            _show_card(visit, prompt)


def edit_prompt(visit: Visit) -> None:
    """Let the chosen prompt be changed or removed, or a new one be written."""
    texts = visit.texts
    chosen = st.session_state.get(_CHOSEN)
    if chosen is None:
        return
    known = None if chosen == NEW else visit.services.store.read(story_prompts.read_prompt, chosen)
    if chosen != NEW and (known is None or known.owner != TEAM):
        _close()
        st.warning(texts["prompts.gone"])
        return
    with st.container(key="prompt_editor", border=True):
        st.subheader(texts["prompts.new" if known is None else "prompts.edit"], anchor=False)
        mine: Written | None = st.session_state.get(_MINE)
        if known and mine:
            _show_conflict(visit, known, mine)
            return
        written = _draw_form(visit, known)
        if written:
            _save(visit, known, written)
        with st.container(horizontal=True):
            if st.button(texts["prompts.close"], key="close_prompt", icon=":material/close:"):
                _open(None)
            if known:
                _offer_removal(visit, known)


def _offer_examples(visit: Visit) -> None:
    texts, store = visit.texts, visit.services.store
    if st.button(texts["prompts.examples"], key="take_examples", icon=":material/library_add:"):
        require(visit.account, "story_prompt.edit")
        author, now = visit.account.username, store.clock()
        added = attempt(visit, lambda: store.write(add_collection, read_examples(), author, now))
        if added is not None:
            announce(texts["prompts.taken"].format(count=len(added)))


def _show_card(visit: Visit, prompt: StoryPrompt) -> None:
    texts = visit.texts
    badges = [f'<span class="g-badge g-stopped">{html.escape(tag)}</span>' for tag in prompt.tags]
    if prompt.is_draft:
        badges.insert(0, f'<span class="g-badge g-refused">{html.escape(texts["prompts.draft"])}</span>')
    said = texts["prompts.by"].format(name=prompt.author, time=write_moment(prompt.updated_at, visit.zone))
    facts = " · ".join([*([texts[f"language.{prompt.language}"]] if prompt.language else []), said])
    with st.container(key=f"prompt_{prompt.prompt_id}", border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.html(
                f'<div class="g-card"><b>{html.escape(prompt.title)}</b>{"".join(badges)}</div>',
                width="content",
            )
            if st.button(
                texts["assistants.open"],
                icon=":material/edit:",
                key=f"open {prompt.prompt_id}",
                type="tertiary",
            ):
                _open(prompt.prompt_id)
        st.html(
            f'<p class="g-clamp">{html.escape(prompt.text)}</p><p class="g-muted">{html.escape(facts)}</p>'
        )


def _draw_form(visit: Visit, known: StoryPrompt | None) -> Written | None:
    """Draw the form; give what is in it once it is sent."""
    texts = visit.texts
    turn = st.session_state.get(_TURN, 0)
    # The revision that the fields began with: another's save must not slip under them.
    begun = f"prompt {known.prompt_id if known else NEW} {turn}"
    revision = st.session_state.setdefault(f"{begun} revision", known.revision if known else 0)
    with st.form("prompt_form", border=False, enter_to_submit=False):
        title = st.text_input(
            texts["prompts.title"], value=known.title if known else "", key=f"{begun} title"
        )
        _show_fault("title")
        text = st.text_area(
            texts["prompts.text"], value=known.text if known else "", height=200, key=f"{begun} text"
        )
        _show_fault("text")
        tags = st.text_input(
            texts["prompts.tags"],
            value=", ".join(known.tags) if known else "",
            help=texts["prompts.tags.help"],
            key=f"{begun} tags",
        )
        _show_fault("tags")
        language = st.selectbox(
            texts["prompts.language"],
            _LANGUAGES,
            index=_LANGUAGES.index((known.language if known else "") or ""),
            format_func=lambda name: texts[f"language.{name}"] if name else texts["prompts.any"],
            key=f"{begun} language",
        )
        is_draft = st.checkbox(
            texts["prompts.is_draft"],
            value=known.is_draft if known else True,
            help=texts["prompts.is_draft.help"],
            key=f"{begun} draft",
        )
        if not st.form_submit_button(texts["prompts.save"], type="primary", icon=":material/save:"):
            return None
    given = NewPrompt(str(title or ""), str(text or ""), language or None, _split(tags), bool(is_draft))
    return Written(given, revision)


def _save(visit: Visit, known: StoryPrompt | None, written: Written) -> None:
    texts, store = visit.texts, visit.services.store
    st.session_state[_FAULTS] = {}
    require(visit.account, "story_prompt.edit")
    try:
        # In the reader's language, which the store does not know.
        prompt = story_prompts.check_prompt(written.prompt, texts["language"])
        author, now = visit.account.username, store.clock()
        if known is None:
            store.write(story_prompts.add_prompt, prompt, author, now)
        else:
            changed = replace(
                known,
                title=prompt.title,
                text=prompt.text,
                language=prompt.language,
                tags=prompt.tags,
                is_draft=prompt.is_draft,
            )
            store.write(story_prompts.change_prompt, changed, author, now, revision=written.revision)
    except InvalidForm as error:
        st.session_state[_FAULTS] = error.fields
        st.rerun()
    except EditConflict:
        st.session_state[_MINE] = written
        st.rerun()
    _close()
    announce(texts["prompts.saved"].format(title=written.prompt.title.strip()))


def _show_conflict(visit: Visit, known: StoryPrompt, mine: Written) -> None:
    """Tell that another has saved it since; let the reader choose with both before his eyes."""
    texts = visit.texts
    said = texts["conflict.saved"].format(
        name=escape_markdown(known.author), time=write_moment(known.updated_at, visit.zone)
    )
    st.warning(said, icon=":material/group:")
    show_difference(_write(known), _write(mine.prompt), texts, heading=texts["conflict.diff"])
    with st.container(horizontal=True):
        if st.button(texts["conflict.mine"], key="save_over", icon=":material/save:"):
            st.session_state.pop(_MINE)
            _save(visit, known, replace(mine, revision=known.revision))
        if st.button(texts["conflict.theirs"], key="take_theirs", icon=":material/undo:"):
            _open(known.prompt_id)


def _offer_removal(visit: Visit, known: StoryPrompt) -> None:
    texts, store = visit.texts, visit.services.store
    is_sure = st.checkbox(texts["prompts.sure"], key=f"sure {known.prompt_id}")
    if st.button(
        texts["prompts.remove"], key="remove_prompt", disabled=not is_sure, icon=":material/delete:"
    ):
        require(visit.account, "story_prompt.edit")
        author, now = visit.account.username, store.clock()
        attempt(visit, lambda: store.write(story_prompts.remove_prompt, known.prompt_id, TEAM, author, now))
        _close()
        announce(texts["prompts.removed"].format(title=known.title))


def _show_fault(field: str) -> None:
    faults: dict[str, str] = st.session_state.get(_FAULTS, {})
    if field in faults:
        show_fault(faults[field])


def _open(prompt_id: str | None) -> None:
    _close()
    if prompt_id:
        st.session_state[_CHOSEN] = prompt_id
    st.rerun()


def _close() -> None:
    """Forget what was opened; the next form begins with what is saved."""
    for name in (_CHOSEN, _FAULTS, _MINE):
        st.session_state.pop(name, None)
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


def _split(tags: str | None) -> tuple[str, ...]:
    return tuple(tag.strip() for tag in (tags or "").split(",") if tag.strip())


def _write(prompt: NewPrompt | StoryPrompt) -> str:
    """Write a prompt out to be compared."""
    tags: Sequence[str] = prompt.tags
    head = [prompt.title, ", ".join(tags), prompt.language or "", "draft" if prompt.is_draft else ""]
    return "\n".join([*filter(None, head), "", prompt.text])
