"""HTML: the page's own text, its code, tables and anchors, without the site around it."""

from __future__ import annotations

import pytest

from chatbot.knowledge.formats.html import UnreadablePage, convert_html


def test_the_site_around_the_page_is_left_out() -> None:
    """Navigation, footers, scripts, forms, pilcrows and pictures are no documentation."""
    page = b"""<html><head><title>Site</title><script>x()</script></head><body><nav>Home</nav><main>
    <h1>Guide<a class="headerlink" href="#g">P</a></h1><p>Text <img alt="logo" src="x.png"></p>
    <form><button>Send</button></form></main><footer>Imprint</footer></body></html>"""
    assert convert_html(page) == "# Guide\n\nText\n"


def test_headings_keep_the_anchors_of_their_site() -> None:
    """Those of their own, and with Sphinx those of the section that they open."""
    page = b"<h1>T</h1><h2 id='own'>A</h2><p>a<section id='of-section'><h2>B</h2><p>b</section>"
    assert convert_html(page) == "# T\n\n## A {#own}\n\na\n\n## B {#of-section}\n\nb\n"


def test_code_tables_and_identifiers_stay_as_they_are_written() -> None:
    """Code keeps its language, a bar in a cell is escaped, an identifier is not."""
    page = b"""<p>Set <code>A_B</code> or USE_X_Y to 2*3*4.</p><pre><code class="language-sh"># a
b</code></pre><table><tr><th>A</th></tr><tr><td>1|2</td></tr></table>"""
    assert convert_html(page) == (
        "Set `A_B` or USE_X_Y to 2*3*4.\n\n```sh\n# a\nb\n```\n\n| A |\n| --- |\n| 1\\|2 |\n"
    )


def test_a_page_without_h1_is_named_by_its_title() -> None:
    """Whatever signs the title has."""
    assert convert_html(b'<title>A "B": c</title><p>Text').startswith('---\ntitle: "A \\"B\\": c"\n---\n')


def test_the_declared_encoding_is_used() -> None:
    """Older pages are in Latin-1 and say so."""
    page = '<meta charset="iso-8859-1"><p>Réglages'.encode("latin-1")
    assert convert_html(page) == "Réglages\n"


@pytest.mark.parametrize("page", [b"{% extends 'a.html' %}", b"{{ define }}", b"<?php echo 1 ?>", b"\0\1"])
def test_templates_and_binary_files_are_refused(page: bytes) -> None:
    """They are no pages anybody reads."""
    with pytest.raises(UnreadablePage):
        convert_html(page)
