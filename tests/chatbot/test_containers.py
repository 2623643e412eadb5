"""Containers: where those of each site generator begin and end, their titles and bodies."""

from __future__ import annotations

import pytest

from chatbot.blocks import Block, open_container, split_blocks

CONTAINERS = {
    "mkdocs": ('!!! note "Careful"\n\n    One.\n\n    Two.', "Careful", "\nOne.\n\nTwo."),
    "mkdocs-tab": ('=== "Docker"\n\n    Use it.', "Docker", "\nUse it."),
    "mkdocs-block": ("/// note | Careful\n    type: warning\nOne.\n\nTwo.\n///", "Careful", "One.\n\nTwo."),
    "docusaurus": (":::note[Careful]\n\nOne.\n\n- two\n:::", "Careful", "\nOne.\n\n- two"),
    "vitepress": ("::: details Careful\nOne.\n:::", "Careful", "One."),
    "github": ("> [!NOTE]\n> One.\n>\n> Two.", "", "One.\n\nTwo."),
    "obsidian": ("> [!tip]- Careful\n> One.", "Careful", "One."),
    "nested": ("::::tabs\n:::note\nOne.\n:::\n::::", "", ":::note\nOne.\n:::"),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_container_is_one_block_between_its_neighbours(kind: str) -> None:
    """Each form is read whole, with its title and its body unwrapped, even straight after a paragraph."""
    source, title, body = CONTAINERS[kind]
    blocks = split_blocks(f"Before.\n{source}\n\nAfter.".split("\n"))
    assert [block.kind for block in blocks] == ["text", "container", "text"]
    assert blocks[1].text == source
    assert open_container(blocks[1]) == (title, body.split("\n"))


def test_headings_in_a_container_are_text_unless_it_wraps_the_page() -> None:
    """An indented body belongs to its container; fences around whole sections of a page are passed over."""
    inside = split_blocks(["!!! note", "", "    # No heading", "", "# Heading"])
    assert [block.kind for block in inside] == ["container", "heading"]
    around = split_blocks(["::: page", "", "# Heading", "", "Text.", "", ":::"])
    assert "heading" in [block.kind for block in around]


@pytest.mark.parametrize("opening", [":::note", "/// note", "{{< highlight sh >}}"])
def test_a_container_that_is_never_closed_swallows_nothing(opening: str) -> None:
    """What follows a forgotten end keeps its headings."""
    blocks = split_blocks([opening, "", "# Heading", "", "Text."])
    assert [block.kind for block in blocks] == ["text", "heading", "text"]


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("{{< highlight bash >}}", "{{< /highlight >}}"),
        ("{{% code %}}", "{{% /code %}}"),
        ("{% highlight ruby %}", "{% endhighlight %}"),
    ],
)
def test_code_between_shortcodes_is_code(opening: str, closing: str) -> None:
    """A comment in highlighted code is no heading."""
    source = [opening, "# install", "", "apt install x", closing]
    assert split_blocks(source) == (Block("code", "\n".join(source)),)


def test_signs_in_code_begin_no_container() -> None:
    """A fence keeps whatever looks like a container."""
    source = ["```", "!!! note", "    x", ":::", "```"]
    assert split_blocks(source) == (Block("code", "\n".join(source)),)
