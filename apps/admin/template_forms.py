"""Office templates: upload with the faults named, try with values by hand, publish, go back, remove."""

from __future__ import annotations

import html
import re
from pathlib import PurePath

import pandas as pd
import streamlit as st

from apps.admin.assistant_versions import name_author
from apps.admin.formats import escape_markdown, write_moment, write_number
from apps.admin.frame import Visit, show_blank
from apps.admin.notices import announce, attempt, show_broken
from apps.admin.services import Office
from apps.admin.tables import time_column
from chatbot.errors import BrokenTemplate
from chatbot.office.template import OfficeTemplate
from chatbot.roles import may
from chatbot.store.templates import TemplateState, TemplateVersion
from chatbot.workshop.templates import Upload

MAX_MEGABYTES = 5
_NEW = ""
_TURN = "template_turn"
_WANTED = "template_wanted"
_NO_NAME = re.compile(r"[^a-z0-9_-]+")
_LONG = ("body", "address", "enclosures", "text", "lines")


def upload_template(visit: Visit, office: Office) -> None:
    """Take a Word or Excel file as a new template, or as the next version of one."""
    texts = visit.texts
    if not may(visit.account.role, "template.upload"):
        return
    states = {state.newest.name: state for state in office.templates.list_states()}
    with st.container(key="upload", border=True):
        st.subheader(texts["templates.upload"], anchor=False)
        st.caption(texts["templates.upload.lead"])
        with st.expander(texts["templates.fields"], icon=":material/data_object:", key="fields_expander"):
            names = "".join(
                f"<code>{html.escape(f'{{{{ {name} }}}}')}</code>" for name in office.templates.list_fields()
            )
            st.html(f'<p class="g-names">{names}</p>')
        uploaded = st.file_uploader(
            texts["templates.choose"],
            type=["docx", "xlsx"],
            max_upload_size=MAX_MEGABYTES,
            # A file that was kept is not offered again.
            key=f"template_file {st.session_state.get(_TURN, 0)}",
        )
        if uploaded is None:
            return
        data = uploaded.getvalue()
        try:
            checked = office.templates.check(data, uploaded.name)
        except BrokenTemplate as error:
            show_broken(visit, error)
            return
        _show_checked(visit, checked)
        _keep_upload(visit, office, states, uploaded.name, data)


def show_templates(visit: Visit, office: Office) -> None:
    """List the templates; show all of the chosen one."""
    texts = visit.texts
    states = {state.newest.name: state for state in office.templates.list_states()}
    if not states:
        show_blank(texts["templates.none"], texts["templates.none.body"], icon="description")
        return
    if wanted := st.session_state.pop(_WANTED, ""):
        st.session_state["template_name"] = wanted
    with st.container(key="templates", border=True):
        chosen = st.selectbox(
            texts["templates.which"],
            list(states),
            format_func=lambda name: _label(visit, states[name]),
            key="template_name",
            persist_state="session",
        )
        versions = office.templates.list_versions(chosen)
        if not versions:
            return
        users = office.templates.list_users(chosen)
        said = texts["templates.users"].format(names=", ".join(users)) if users else texts["templates.unused"]
        st.html(f'<p class="g-muted">{html.escape(said)}</p>')
        _show_versions(visit, states[chosen], versions)
        numbers = {version.version: version for version in versions}
        number = st.selectbox(
            texts["versions.choose"],
            list(numbers),
            format_func=lambda number: f"{number} · {numbers[number].filename}",
            key=f"template_version {chosen} {versions[0].version}",
        )
        _offer_steps(visit, office, states[chosen], numbers[number])
        _try_version(visit, office, numbers[number])
        if may(visit.account.role, "template.remove"):
            _offer_removal(visit, office, chosen)


def _show_checked(visit: Visit, checked: OfficeTemplate) -> None:
    names = ", ".join(checked.fields) or visit.texts["templates.no_fields"]
    st.success(
        visit.texts["templates.good"].format(
            count=write_number(len(checked.fields), visit.texts), names=escape_markdown(names)
        ),
        icon=":material/check_circle:",
    )


def _keep_upload(
    visit: Visit, office: Office, states: dict[str, TemplateState], filename: str, data: bytes
) -> None:
    texts = visit.texts
    known = _suggest_name(filename)
    names = [_NEW, *states]
    with st.form("keep_template", border=False):
        target = st.selectbox(
            texts["templates.target"],
            names,
            index=names.index(known) if known in states else 0,
            format_func=lambda name: texts["templates.target.new"] if name == _NEW else name,
            key=f"template_target {filename}",
        )
        name = st.text_input(
            texts["templates.name"], value=known, max_chars=40, key=f"template_new {filename}"
        )
        note = st.text_input(texts["edit.note"], max_chars=500, key=f"template_note {filename}")
        # What the reader has before his eyes: one who uploads at the same time must not be passed over.
        seen = {name: state.newest.version for name, state in states.items()}
        begun = st.session_state.setdefault(f"template_seen {filename}", seen)
        if not st.form_submit_button(texts["templates.keep"], type="primary", icon=":material/upload:"):
            return
    wanted = target or str(name or "").strip()
    upload = Upload(wanted, filename, data, begun.get(wanted), str(note or ""))
    st.session_state.pop(f"template_seen {filename}")
    version = attempt(visit, lambda: office.templates.add(upload, visit.account))
    if version is not None:
        st.session_state[_WANTED] = wanted
        st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
        announce(texts["templates.kept"].format(name=wanted, version=version))


def _show_versions(visit: Visit, state: TemplateState, versions: list[TemplateVersion]) -> None:
    texts = visit.texts

    def name_state(version: TemplateVersion) -> str:
        if version.version == state.in_force:
            return texts["state.in_force"]
        return "" if version.published_at else texts["state.is_draft"]

    st.dataframe(
        pd.DataFrame(
            {
                "version": [version.version for version in versions],
                "state": [name_state(version) for version in versions],
                "file": [version.filename for version in versions],
                "fields": [", ".join(version.fields) for version in versions],
                "created_at": [version.created_at for version in versions],
                "author": [name_author(visit, version.author) for version in versions],
                "note": [version.note for version in versions],
            }
        ),
        column_config={
            "version": st.column_config.NumberColumn(texts["column.version"], width="small"),
            "state": st.column_config.TextColumn(texts["column.state"], width="small"),
            "file": st.column_config.TextColumn(texts["templates.file"]),
            "fields": st.column_config.TextColumn(texts["templates.fields_of"], width="medium"),
            "created_at": time_column(visit, texts["column.since"]),
            "author": st.column_config.TextColumn(texts["column.author"], width="small"),
            "note": st.column_config.TextColumn(texts["column.note"], width="medium"),
        },
        hide_index=True,
        height="content" if len(versions) <= 10 else 388,
        key=f"template_versions {state.newest.name} {state.newest.version} {state.in_force}",
        alt=texts["versions.title"],
    )


def _offer_steps(visit: Visit, office: Office, state: TemplateState, version: TemplateVersion) -> None:
    """Offer what can be done with a version: the file itself, its publication, the way back to it."""
    texts, name, number = visit.texts, version.name, version.version
    is_newer = state.in_force is None or number > state.in_force
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.download_button(
            texts["templates.download"],
            data=lambda: office.templates.read_file(name, number)[1],
            file_name=version.filename,
            icon=":material/download:",
            on_click="ignore",
            key="download_template",
        )
        if number == state.in_force or not may(visit.account.role, "template.publish"):
            return
        if is_newer:
            if st.button(
                texts["publish.do"], key="publish_template", type="primary", icon=":material/publish:"
            ):
                _publish(visit, office, version)
            return
        note = st.text_input(texts["edit.note"], key=f"template_back {name}", max_chars=500)
        label = texts["versions.back"].format(version=number)
        if st.button(label, key="return_template", icon=":material/history:"):
            said = str(note or "")
            back = attempt(visit, lambda: office.templates.roll_back(name, number, said, visit.account))
            if back is not None:
                announce(texts["versions.returned"].format(version=back, earlier=number))


def _publish(visit: Visit, office: Office, version: TemplateVersion) -> None:
    def publish() -> bool:
        office.templates.publish(version.name, version.version, visit.account)
        return True

    if attempt(visit, publish):
        announce(visit.texts["publish.done"].format(version=version.version))


def _try_version(visit: Visit, office: Office, version: TemplateVersion) -> None:
    """Fill a version in with values given by hand, for download."""
    texts = visit.texts
    if not may(visit.account.role, "template.try"):
        return
    key = f"filled {version.name} {version.version}"
    with st.expander(texts["templates.try"], icon=":material/experiment:", key="try_expander"):
        with st.form("try_template", border=False):
            values = {}
            for field in version.fields:
                draw = st.text_area if field.endswith(_LONG) else st.text_input
                values[field] = str(draw(field, value="", key=f"{key} {field}") or "")
            if st.form_submit_button(texts["templates.fill"], type="primary", icon=":material/play_arrow:"):
                number, language = version.version, texts["language"]
                st.session_state[key] = attempt(
                    visit,
                    lambda: office.templates.fill(version.name, number, values, visit.account, language),
                )
        if filled := st.session_state.get(key):
            stem = PurePath(version.filename).stem
            st.download_button(
                texts["templates.download_filled"],
                data=filled,
                file_name=f"{stem}-filled.{version.kind}",
                icon=":material/download:",
                type="primary",
                on_click="ignore",
                key="download_filled",
            )


def _offer_removal(visit: Visit, office: Office, name: str) -> None:
    texts = visit.texts
    with st.expander(texts["templates.remove"], icon=":material/delete:", key="remove_expander"):
        st.caption(texts["templates.remove.lead"])
        is_sure = st.checkbox(
            texts["account.sure"].format(name=escape_markdown(name)), key=f"template_sure {name}"
        )
        if not st.button(texts["templates.remove"], disabled=not is_sure, key="remove_template"):
            return

    def remove() -> bool:
        office.templates.remove(name, visit.account)
        return True

    if attempt(visit, remove):
        st.session_state.pop("template_name", None)
        announce(texts["account.removed"].format(name=name))


def _label(visit: Visit, state: TemplateState) -> str:
    texts, newest = visit.texts, state.newest
    if state.in_force is None:
        said = texts["templates.unpublished"]
    else:
        said = texts["templates.in_force"].format(version=state.in_force)
    return f"{newest.name} (.{newest.kind}) · {said} · {write_moment(newest.created_at, visit.zone)}"


def _suggest_name(filename: str) -> str:
    """Make a name of a file's name."""
    bare = _NO_NAME.sub("-", PurePath(filename).stem.lower()).strip("-_")[:40]
    return bare if bare[:1].isalpha() else ""
