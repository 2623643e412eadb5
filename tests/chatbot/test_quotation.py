"""Answers by quotation: which units are chosen, what stays together, how long they get."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from chatbot.markup import render_html
from chatbot.quotation import LONGEST_ANSWER, QuotablePassage, quote_passages

UNBAN = """You can lift a ban by hand before its time is over:

=== "Docker"

    !!! tip "Container name"
        Replace `scheduler` with the name of your container.

    Use the `docker exec` command:
    ```shell
    docker exec scheduler bwcli unban 1.2.3.4
    ```

=== "Linux"

    ```shell
    sudo bwcli unban 1.2.3.4
    ```
"""


def passage(text: str, number: int = 1, heading: str = "Guide > Part") -> QuotablePassage:
    return QuotablePassage(number, heading, "guide.md", text)


def answer(question: str, *texts: str) -> str:
    """Ask passages of one section, numbered in their order."""
    return quote_passages(
        question, "en", [passage(text, number) for number, text in enumerate(texts, start=1)]
    )


def test_the_sentence_that_answers_is_quoted_with_its_citation() -> None:
    """Of a passage only what answers is shown, and its number behind it."""
    text = "Backups run at night. The port of the admin page is 8501. Cats are nice. Dogs bark at them."
    quoted = answer("Which port has the admin page?", text)
    assert "The port of the admin page is 8501. [1]" in quoted
    assert "Dogs" not in quoted


def test_a_command_is_quoted_whole_with_what_announces_it() -> None:
    """Code in a tab comes out of it as a code block, under the tab's name."""
    quoted = answer("How do I lift a ban with docker?", UNBAN)
    assert "**Docker**" in quoted
    assert (
        "Use the `docker exec` command:\n\n```shell\ndocker exec scheduler bwcli unban 1.2.3.4\n```\n\n[1]"
        in quoted
    )


def test_tabs_and_admonitions_are_never_shown_raw() -> None:
    """Their markers and indents are gone, so that nothing becomes a code block by accident."""
    quoted = answer("How do I lift a ban? container name", UNBAN)
    assert "===" not in quoted
    assert "!!!" not in quoted
    kinds = {token.type for token in MarkdownIt("commonmark").parse(quoted)}
    assert "code_block" not in kinds


def test_rows_of_a_table_are_quoted_under_its_header() -> None:
    """The row that answers is still a table, under its section's heading, and the citation is no part of it."""
    rows = "\n".join(f"| `OTHER_{number}` | something else |" for number in range(20))
    text = (
        f"| Setting   | Meaning |\n| --------- | ------- |\n{rows}\n| `MAX_SIZE` | largest upload allowed |"
    )
    quoted = answer("largest upload", text)
    table = "| Setting | Meaning |\n| --- | --- |\n| `MAX_SIZE` | largest upload allowed |"
    assert quoted == f"**Part**\n\n{table}\n\n[1]"


def test_a_sentence_comes_before_a_table_that_matches_as_well() -> None:
    """A table is a poor opening; its passage follows, under its own number."""
    table = (
        "| Setting | Meaning |\n| --- | --- |\n| `MAX_SIZE` | limit of an upload |\n| `OTHER` | something |"
    )
    sentence = "To be kind to small disks, `MAX_SIZE` sets the limit of an upload in megabytes."
    quoted = answer("MAX_SIZE upload limit", table, sentence)
    assert quoted.startswith(f"{sentence} [2]\n\n**Part**\n\n| Setting | Meaning |")
    assert quoted.endswith("| `MAX_SIZE` | limit of an upload |\n\n[1]")


def test_a_table_that_matches_better_stays_in_front() -> None:
    """The order of the passages is kept where the sentence says less of what was asked."""
    table = "| Setting | Meaning |\n| --- | --- |\n| `MAX_SIZE` | limit of an upload |"
    quoted = answer("MAX_SIZE upload limit", table, "A limit of an upload is in force.")
    assert quoted.startswith("**Part**\n\n| Setting | Meaning |")


FILLER = "Filler stands here. Another filler. More of it. And more."


def quote_unban(heading: str, other: str) -> str:
    """Ask for a command that one passage tells, beside another passage."""
    best = QuotablePassage(
        1, "Guide > Command-Line", "g.md", f"To unban an IP address, run `x unban` with it. {FILLER}"
    )
    question = "How do I unban an IP address from the command line?"
    return quote_passages(question, "en", [best, QuotablePassage(2, heading, "g.md", other)])


@pytest.mark.parametrize(
    "other",
    [
        "| Option | Meaning |\n| --- | --- |\n| `--bind` | address to listen on |",
        "```sh\nrun --bind ADDRESS\n```",
        "- the address to listen on",
        f"The address is secret. {FILLER}",
    ],
)
def test_one_matching_word_in_another_section_is_not_worth_a_quote(other: str) -> None:
    """Beside a good quote, one from elsewhere has to match comparably or to add what was not yet said."""
    quoted = quote_unban("Guide > Command-Line Options", other)
    assert "run `x unban` with it." in quoted
    assert "[2]" not in quoted


def test_a_section_cut_in_two_passages_counts_as_one() -> None:
    """The second half of the section quoted best need not earn its place as another section has to."""
    code = f"```\nx address\n```\n\n{FILLER}"
    assert "[2]" in quote_unban("Guide > Command-Line", code)
    assert "[2]" not in quote_unban("Other > Command-Line", code)


def test_a_quote_of_another_passage_that_adds_a_word_of_the_question_is_kept() -> None:
    """What the best quote leaves open may stand elsewhere."""
    quoted = answer(
        "How do I unban an address in Docker?", "Unban an address by hand.", "Docker needs `exec`."
    )
    assert quoted == "Unban an address by hand. [1]\n\nDocker needs `exec`. [2]"


def test_a_short_list_is_quoted_as_a_whole() -> None:
    """Steps make sense only together, with the line that announces them."""
    text = "To restore a backup:\n\n1. Stop the service.\n2. Copy the file.\n3. Start it again."
    assert answer("How do I restore a backup?", text) == f"{text} [1]"


def test_pieces_stand_in_reading_order_with_their_own_numbers() -> None:
    """Passages in the order of their rank, sentences in the order of the text, each citing its own passage."""
    quoted = answer(
        "ban duration unit", "The ban duration is a number.", "The unit of a ban duration is seconds."
    )
    assert quoted == "The ban duration is a number. [1]\n\nThe unit of a ban duration is seconds. [2]"


@pytest.mark.parametrize("size", [5, 60, 400])
def test_answers_keep_to_their_length(size: int) -> None:
    """However much would fit the question, the quotes stay within the limit."""
    texts = [
        "\n\n".join(f"The ban number {n} of {m} is lifted by hand." for n in range(size)) for m in range(5)
    ]
    assert len(answer("How is a ban lifted?", *texts)) <= LONGEST_ANSWER


def test_code_longer_than_an_answer_is_cut_after_a_whole_line_and_says_so() -> None:
    """The first lines, a closed fence, and how many lines follow."""
    lines = [f"setting_{number}: some value" for number in range(100)]
    quoted = answer("setting", "```yaml\n" + "\n".join(lines) + "\n```")
    block = re.fullmatch(
        r"\*\*Part\*\*\n\n```yaml\n(.*)\n```\n\n… (\d+) more lines in the document \[1\]", quoted, re.DOTALL
    )
    assert block is not None
    shown = block.group(1).split("\n")
    assert shown == lines[: len(shown)]
    assert len(shown) + int(block.group(2)) == 100
    assert len(quoted) <= LONGEST_ANSWER


def test_prose_longer_than_an_answer_is_cut_between_words() -> None:
    """A sentence without end is not torn inside a word or a code span."""
    quoted = answer("backup", "The backup " + "`a b` word " * 200)
    assert len(quoted) <= LONGEST_ANSWER
    assert quoted.endswith(" … [1]")
    assert quoted.count("`") % 2 == 0


def test_links_within_the_documentation_become_their_text() -> None:
    """A relative link leads nowhere from an answer; one to the web is kept; code is left alone."""
    text = "See [the ban page](bans.md#lift), [docs][ref], ![x](x.png) and [site](https://example.org) or `[a](b.md)`."
    text += "\n\n[ref]: x.md"
    assert (
        answer("ban page", text)
        == "See the ban page, docs, and [site](https://example.org) or `[a](b.md)`. [1]"
    )


def test_marks_of_other_tools_are_left_out() -> None:
    """Shortcodes, attribute lists, HTML tags, comments and fenced containers are no words of the documentation."""
    text = '/// note\nThe <b>ban</b> {{< since version="1" >}}list{ .wide } is short.<!-- hidden -->\n///'
    assert answer("ban list", text) == "The ban list is short. [1]"


def test_a_number_in_brackets_cannot_pass_for_a_citation() -> None:
    """What looks like a citation in a document is escaped outside of code."""
    assert answer("ban list", "The ban list [3] is `x[4]`.") == r"The ban list \[3\] is `x[4]`. [1]"


def test_a_question_without_any_of_the_words_still_gets_the_best_passage() -> None:
    """Whether to refuse was decided before; the model quotes the beginning of what it was given."""
    assert answer("zzz", "First sentence here.", "Second.").startswith("First sentence here.")


def sections(question: str, *texts: str) -> str:
    """Ask passages that each have a section of their own."""
    return quote_passages(
        question,
        "en",
        [passage(text, number, f"Guide > Part {number}") for number, text in enumerate(texts, 1)],
    )


def test_a_sentence_that_leans_on_the_one_before_brings_it() -> None:
    """Nobody can read "It erases them" without what came before."""
    text = f"{FILLER}\n\nThe job runs at night. It erases old bans for good."
    assert "The job runs at night. It erases old bans for good. [1]" in answer("erase old bans", text)


def test_a_sentence_that_goes_on_after_code_brings_the_code() -> None:
    """What begins in lower case is the end of something."""
    text = "Run:\n\n```\nlift all\n```\n\nand every ban is gone."
    assert answer("every ban gone", text) == "Run:\n\n```\nlift all\n```\n\n[1]\n\nand every ban is gone. [1]"


def test_an_announcement_without_what_it_announces_is_not_quoted() -> None:
    """A line that ends with a colon at the end of a passage says nothing."""
    quoted = answer("How are bans lifted?", "Bans are lifted by hand.\n\nBans are lifted by these commands:")
    assert quoted == "Bans are lifted by hand. [1]"


def test_a_bold_line_counts_as_an_announcement() -> None:
    """Some write headings in bold; alone they say nothing."""
    assert answer("Ban duration", "**Ban duration**\n\nA day.") == "**Ban duration**\n\nA day. [1]"
    assert answer("Ban duration", "A day.\n\n**Ban duration**") == "A day. [1]"


def test_a_question_of_the_documents_is_quoted_with_its_answer() -> None:
    """Lists of frequent questions have the words of the question above the answer."""
    text = f"Q: May I try it before?\n\nFor a month.\n\nQ: What else?\n\n{FILLER}"
    quoted = answer("try before", text)
    assert quoted.startswith("Q: May I try it before?\n\nFor a month. [1]")


def test_the_same_words_are_not_quoted_twice() -> None:
    """Two passages often say the same; the better one is cited."""
    same = "A ban is lifted by hand, with one command of the scheduler."
    assert sections("How is a ban lifted?", same, same) == f"{same} [1]"


def test_left_out_sentences_of_a_paragraph_are_marked() -> None:
    """A reader sees where the quotation leaves something out."""
    far = "Nothing of this matters to anyone who reads it, whatever they are looking for in these pages. " * 8
    quoted = answer("How is a ban lifted?", f"A ban is lifted by hand. {far}Ban lists are never lifted.")
    assert " … " in quoted


def test_a_pointer_to_another_page_gives_way() -> None:
    """\"See the page on bans\" matches the question and answers nothing."""
    text = (
        "See the guide on lifting bans by command.\n\n" + "Other things. " * 60 + "\n\nTo lift bans, run `x`."
    )
    assert "run `x`" in answer("lifting bans by command", text)


def test_a_slip_of_the_keyboard_still_finds_the_sentence() -> None:
    """One wrong letter in a word of the question is read as the word of the passages."""
    text = f"{FILLER * 12}\n\nThe retention of snapshots is one day."
    assert "one day" in answer("retenton of the snapshts", text)


def test_three_sections_at_most_are_quoted() -> None:
    """More would be a heap of snippets."""
    quoted = sections(
        "ban", *(f"The ban has side number {number} of {word}." for number, word in enumerate("abcde"))
    )
    assert set(re.findall(r"\[(\d)\]", quoted)) == {"1", "2", "3"}


def test_the_same_question_gets_the_same_answer() -> None:
    """Nothing depends on the order of a set."""
    texts = ["The ban is a list. The list is a ban. A list bans.", UNBAN, FILLER]
    assert len({answer("ban list docker", *texts) for _ in range(5)}) == 1


HOSTILE = {
    "backticks": "`" * 1500,
    "open fences": "```\n" * 375,
    "an open fence": "```python\n" + "x = 1\n" * 200,
    "fences in a fence": "````md\n```\nban\n```\n" * 40,
    "fences in indented code": "    ban\n    ```\n    x\n" * 50,
    "an open fence in a list": "- ban\n  ```\n  x\n" + "  y\n" * 20,
    "stars": "**ban " * 250,
    "brackets": "[ban](" * 250,
    "deep quotes": ">" * 1500,
    "a deep list": "\n".join("  " * depth + "- ban" for depth in range(40)),
    "markers in a row": "1. " * 500 + "ban",
    "a wide table": "|" + "ban|" * 200 + "\n|" + "-|" * 200 + "\n|" + "ban|" * 200,
    "a long row": "| ban |\n|---|\n| " + "ban `x` " * 300 + "|",
    "right to left": "\u202e\u05de\u05d3\u05d5\u05e2 \u05d4\u05d7\u05e1\u05d9\u05de\u05d4? " * 60,
    "no spaces": "\u5c01\u7981" * 1500,
    "deep tabs": "\n".join("    " * depth + f'=== "T{depth}"' for depth in range(40))
    + "\n"
    + "    " * 40
    + "ban",
    "comments": "<!-- ban " * 300,
    "shortcodes": '{{< a="' * 200 + "ban",
    "a long word": "ban" * 2000,
    "citations": "[1] [2] ban " * 100,
    "list marks": "ban. 1986. It was so. # not a heading. - nor a list.",
    "a long line of code": "```\n" + "ban" * 2000 + "\n```",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("question", ["How do I lift a ban?", "`" * 300, ""])
def test_hostile_passages_break_nothing(question: str, text: str) -> None:
    """Whatever a passage holds, the answer keeps its length, and its citations and what follows are still seen."""
    quoted = quote_passages(
        question,
        "en",
        [passage(text, 1, "Guide > **Part** `x` [1]"), passage("A ban is lifted by `x`.", 2, "Two")],
    )
    assert len(quoted) <= LONGEST_ANSWER
    html = render_html(f"{quoted}\n\n*The notice.*", {1, 2})
    assert "<em>The notice.</em>" in html
    marks = re.findall(r"(?<!\\)\[[12]\]", quoted)
    assert len(marks) == html.count("data-cite") > 0
