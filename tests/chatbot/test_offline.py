"""The offline model: what it quotes, how it cites, how it streams."""

from __future__ import annotations

import re
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from markdown_it import MarkdownIt

from chatbot.offline import NOTHING_TO_QUOTE, NOTICES, OfflineChatModel, quote_answer
from chatbot.quotation import LONGEST_ANSWER, QuotablePassage

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


def answer(question: str, *texts: str, language: str = "en") -> str:
    """Ask, and take off the line that every answer ends with."""
    passages = [passage(text, number) for number, text in enumerate(texts, start=1)]
    quoted = quote_answer(question, language, passages)
    assert quoted.endswith(NOTICES[language])
    return quoted.removesuffix(NOTICES[language]).strip()


def ask(question: str = "How do I lift a ban?", text: str = UNBAN, language: str = "en") -> list[Any]:
    entry = {"number": 2, "heading": "Bans > Lifting", "source": "bans.md", "text": text}
    guichet = {"question": question, "language": language, "passages": [entry]}
    return [SystemMessage("Be brief."), HumanMessage("…", additional_kwargs={"guichet": guichet})]


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
    return quote_answer(question, "en", [best, QuotablePassage(2, heading, "g.md", other)])


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


def test_the_reader_is_told_in_his_language_that_no_model_is_configured() -> None:
    """French readers get a French line, whatever the language of the documents."""
    quoted = quote_answer("How do I lift a ban?", "fr", [passage(UNBAN)])
    assert quoted.endswith(
        "*Aucun modèle de langage n'est configuré : ce sont des citations de la documentation.*"
    )


def test_a_question_without_any_of_the_words_still_gets_the_best_passage() -> None:
    """Whether to refuse was decided before; the model quotes the beginning of what it was given."""
    assert answer("zzz", "First sentence here.", "Second.").startswith("First sentence here.")


@pytest.mark.parametrize("passages", [[], [passage("")], [passage("# Only a heading")]])
def test_nothing_to_quote_is_said_plainly(passages: list[QuotablePassage]) -> None:
    """Without a sentence to quote the model says what it can do."""
    assert quote_answer("ban", "fr", passages) == NOTHING_TO_QUOTE["fr"]


def test_a_message_without_passages_is_told_what_the_model_can_do() -> None:
    """Anyone may use the model as LangChain's; it does not fail."""
    assert OfflineChatModel().invoke("Hello").content == NOTHING_TO_QUOTE["en"]


def test_the_stream_is_the_answer_in_small_chunks() -> None:
    """Joined, the chunks are what `invoke` gives; the last one tells the finish and the usage, once."""
    model = OfflineChatModel()
    chunks = list(model.stream(ask()))
    whole = model.invoke(ask())
    assert len(chunks) > 10
    assert "".join(str(chunk.content) for chunk in chunks) == whole.content
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    assert isinstance(total, AIMessageChunk)
    assert total.response_metadata.items() >= {"finish_reason": "stop", "model_name": "offline"}.items()
    assert total.usage_metadata == whole.usage_metadata
    assert total.usage_metadata is not None
    assert total.usage_metadata["output_tokens"] == -(-len(str(whole.content)) // 4)
    assert total.usage_metadata["input_tokens"] == 4


async def test_the_asynchronous_stream_is_the_same() -> None:
    """`astream` gives the same chunks."""
    model = OfflineChatModel()
    found = [chunk.content async for chunk in model.astream(ask())]
    assert found == [chunk.content for chunk in model.stream(ask())]


def test_the_number_of_the_passage_is_the_citation() -> None:
    """The numbers are the prompt's, not the rank."""
    assert "[2]" in str(OfflineChatModel().invoke(ask()).content)
