"""Includes: each generator's form, what is never read, and lines of MDX that nobody reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.knowledge.includes import resolve_includes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "guide").mkdir(parents=True)
    (folder / "_includes").mkdir()
    (folder / "part.md").write_text("---\ntitle: Part\n---\nShared *text*.\n")
    (folder / "guide/near.md").write_text("Near by.\n")
    (folder / "_includes/note.md").write_text("A note.\n")
    (folder / "code.py").write_text("print(1)\n")
    (tmp_path / "secret.md").write_text("Secret.\n")
    return folder


def resolve(folder: Path, text: str, source: str = "guide/page.md") -> str:
    return resolve_includes(text, folder, source, 1_000_000)[0]


@pytest.mark.parametrize(
    "line",
    [
        *(
            '--8<-- "part.md"',
            "--8<-- '../part.md'",
            '--8<-- "part.md:1:3"',
            "{!part.md!}",
            "{! ../part.md !}",
        ),
        *('{% include "part.md" %}', '{% include-markdown "../part.md" %}', "<!--@include: ../part.md-->"),
        *("{{#include ../part.md}}", '{{< include "part.md" >}}', '{{% readfile "/docs/../part.md" %}}'),
    ],
)
def test_an_included_page_stands_in_the_place_of_its_line(folder: Path, line: str) -> None:
    """Every form is found beside the page or from the top of the folder; front matter stays behind."""
    expected = "Before.\n\nShared *text*.\n\nAfter."
    if "/docs/" in line:
        expected = "Before.\n\n\nAfter."
    assert resolve(folder, f"Before.\n\n{line}\n\nAfter.") == expected


def test_an_imported_page_stands_where_its_component_is_used(folder: Path) -> None:
    """MDX imports a page under a name; the lines that import go."""
    text = "import Near from './near.md';\nimport X from '@theme/X';\n\nText.\n\n<Near />\n\n"
    text += "export const a = {\n  b: 1,\n};\n\nEnd."
    assert resolve(folder, text) == "\nText.\n\nNear by.\n\n\nEnd."


def test_sentences_that_begin_like_modules_stay(folder: Path) -> None:
    """Words at a line's start and code are no modules."""
    text = "import the key from the server.\n\n```js\nimport a from 'b'\nexport const c = 1\n```\n\nexports go up."
    assert resolve(folder, text) == text


def test_an_include_keeps_its_indent_and_works_in_code(folder: Path) -> None:
    """Code samples kept in files are shown as code."""
    assert (
        resolve(folder, '    --8<-- "near.md"\n\n```py\n{!../code.py!}\n```')
        == "    Near by.\n\n```py\nprint(1)\n```"
    )


@pytest.mark.parametrize(
    "name", ["../../secret.md", "../secret.md", "/etc/hostname", "link.md", ".env", "linked/secret.md"]
)
def test_nothing_outside_the_folder_is_read(folder: Path, name: str) -> None:
    """Neither by `..`, nor by an absolute path, nor by a link, nor what is hidden."""
    (folder / "link.md").symlink_to(folder.parent / "secret.md")
    (folder / "linked").symlink_to(folder.parent)
    (folder / ".env").write_text("Secret.")
    assert resolve(folder, f'A.\n\n--8<-- "{name}"\n\nB.', "page.md") == "A.\n\n\nB."


def test_code_that_was_only_a_file_from_elsewhere_goes(folder: Path) -> None:
    """A block left with nothing in it says nothing; an example of the syntax stays."""
    text = 'A.\n\n```Python\n{!../../../docs_src/a.py!}\n```\n\nB.\n\n```\n--8<-- "example.md"\n```'
    assert resolve(folder, text) == 'A.\n\n\nB.\n\n```\n--8<-- "example.md"\n```'


def test_pages_that_include_each_other_end(folder: Path) -> None:
    """A page is never read within itself, and a doubling one stops at the limit."""
    (folder / "a.md").write_text('A\n--8<-- "b.md"\n')
    (folder / "b.md").write_text('B\n--8<-- "a.md"\n--8<-- "b.md"\n')
    assert resolve(folder, '--8<-- "a.md"', "page.md") == "A\nB"
    for level in range(8):
        (folder / f"x{level}.md").write_text(f'--8<-- "x{level + 1}.md"\n' * 10)
    (folder / "x8.md").write_text("x" * 1000)
    assert len(resolve_includes('--8<-- "x0.md"', folder, "page.md", 50_000)[0]) < 100_000


def test_the_files_asked_for_are_told_even_if_missing(folder: Path) -> None:
    """So a page is read again when one of them comes or changes."""
    _, asked = resolve_includes('--8<-- "part.md"\n--8<-- "later.md"', folder, "page.md", 1000)
    assert {"part.md", "later.md"} <= set(asked)


def test_modules_stand_right_below_front_matter(folder: Path) -> None:
    """Many pages of Docusaurus leave no blank line between the two."""
    text = "---\ntitle: T\n---\nimport Near from './near.md';\nexport const a = 1\n\n<Near />"
    assert resolve(folder, text) == "---\ntitle: T\n---\n\nNear by."


def test_an_include_that_carries_its_text_stays(folder: Path) -> None:
    """Jekyll's themes write notes as includes of a template: the text is in the line, not in the file."""
    line = '{% include note.md content="Mind the gap between the two." %}'
    assert resolve(folder, line) == line
