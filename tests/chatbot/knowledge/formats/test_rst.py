"""reStructuredText: headings, code, tables, and what Sphinx alone knows."""

from __future__ import annotations

from pathlib import Path

from chatbot.knowledge.formats.rst import convert_rst


def test_headings_give_levels_and_the_first_one_the_title() -> None:
    """The order in which underlines appear gives their level."""
    text = "=====\nTitle\n=====\n\nIntro.\n\nOne\n---\n\nText.\n\nDeep\n~~~~\n\nMore.\n"
    assert convert_rst(text) == ("# Title\n\nIntro.\n\n## One {#one}\n\nText.\n\n### Deep {#deep}\n\nMore.\n")


def test_code_keeps_its_language_and_tables_their_rows() -> None:
    """Directives of code, literal blocks and both forms of tables."""
    text = (
        "Run::\n\n   ls -l\n\n.. code-block:: python\n\n   # x\n\n=== ===\nA   B\n=== ===\n1   2\n=== ===\n"
    )
    expected = "Run:\n\n```\nls -l\n```\n\n```python\n# x\n```\n\n| A | B |\n| --- | --- |\n| 1 | 2 |\n"
    assert convert_rst(text) == expected


def test_roles_and_directives_of_sphinx_keep_their_words() -> None:
    """What docutils does not know costs neither its text nor an error among the words."""
    text = (
        "See :ref:`the guide <guide>`, :doc:`/install` and :func:`~os.path.join`.\n\n"
        ".. toctree::\n   :maxdepth: 2\n\n   a\n\n.. versionadded:: 2.1\n   New words.\n\n"
        ".. py:function:: run(x)\n\n   Runs it.\n\n.. tip:: Rest.\n"
    )
    written = convert_rst(text)
    for words in (
        "See the guide, install and `os.path.join`.",
        "New words.",
        "`run(x)`",
        "Runs it.",
        "Rest.",
    ):
        assert words in written
    assert "Unknown" not in written
    assert "maxdepth" not in written


def test_nothing_beside_the_document_is_read(tmp_path: Path) -> None:
    """Neither by `include`, nor by `csv-table`, nor by `raw`."""
    secret = tmp_path / "secret"
    secret.write_text("Secret.")
    text = f"Text.\n\n.. include:: {secret}\n\n.. raw:: html\n   :file: {secret}\n\n"
    text += f".. csv-table::\n   :file: {secret}\n"
    assert convert_rst(text) == "Text.\n"
