"""The offline model: what it says of itself, how it cites, how it streams."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage

from chatbot.offline import NOTHING_TO_QUOTE, OfflineChatModel, quote_answer
from chatbot.quotation import QuotablePassage

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


def ask(question: str = "How do I lift a ban?", text: str = UNBAN, language: str = "en") -> list[Any]:
    entry = {"number": 2, "heading": "Bans > Lifting", "source": "bans.md", "text": text}
    guichet = {"question": question, "language": language, "passages": [entry]}
    return [SystemMessage("Be brief."), HumanMessage("…", additional_kwargs={"guichet": guichet})]


def test_the_reader_is_told_in_his_language_that_no_model_is_configured() -> None:
    """French readers get a French line, whatever the language of the documents."""
    quoted = quote_answer("How do I lift a ban?", "fr", [passage(UNBAN)])
    assert quoted.endswith(
        "*Aucun modèle de langage n'est configuré : ce sont des citations de la documentation.*"
    )


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
