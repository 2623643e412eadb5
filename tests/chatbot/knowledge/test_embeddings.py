"""Calls of embedding models: what goes over the wire, deadlines, retries, and errors that name the service."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from chatbot.errors import (
    ProviderError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    SettingsError,
)
from chatbot.knowledge import embeddings
from chatbot.knowledge.embeddings import Embedder, Vectors, build_embedder
from tests.conftest import MakeSettings
from tests.openai_server import OpenAIServer, embed_letters


@pytest.fixture
def embedder(
    make_settings: MakeSettings, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> Embedder:
    """Give the embedder of an OpenAI-compatible server; it pauses shortly and gives up soon."""
    monkeypatch.setattr(embeddings, "QUERY_DEADLINE_S", 5.0)
    settings = make_settings(embedding_model="openai:any", openai_base_url=openai_server.url)
    built = build_embedder(settings)
    assert built is not None
    built._first_pause_s = 0.01
    built._retry_deadline_s = 0.5
    return built


def embed_all(embedder: Embedder, texts: list[str]) -> Vectors:
    """Embed passages and give all their vectors."""
    return np.concatenate(list(embedder.embed_passages(texts, threading.Event())))


def test_no_model_is_no_embedder(make_settings: MakeSettings) -> None:
    """Without `EMBEDDING_MODEL` there is nothing to embed with."""
    assert build_embedder(make_settings()) is None


def test_texts_go_over_the_wire_as_they_are(embedder: Embedder, openai_server: OpenAIServer) -> None:
    """A server gets texts, not token numbers, is asked for floats, and nothing else is fetched."""
    vectors = embed_all(embedder, ["Brew tea", "Été"])
    query = embedder.embed_query("Brew tea")
    assert openai_server.embedded == [["Brew tea", "Été"], ["Brew tea"]]
    assert [recorded.path for recorded in openai_server.requests] == ["/v1/embeddings"] * 2
    assert all(recorded.body["encoding_format"] == "float" for recorded in openai_server.requests)
    assert openai_server.requests[0].body["model"] == "any"
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(query, vectors[0], atol=1e-6)


def test_key_is_sent(make_settings: MakeSettings, openai_server: OpenAIServer) -> None:
    """The key of the settings is the one that is sent."""
    settings = make_settings(
        embedding_model="openai:any", openai_base_url=openai_server.url, openai_api_key="key-1"
    )
    embedder = build_embedder(settings)
    assert embedder is not None
    embedder.embed_query("tea")
    assert openai_server.requests[0].headers["authorization"] == "Bearer key-1"


def test_azure_deployment_is_called(make_settings: MakeSettings, openai_server: OpenAIServer) -> None:
    """Azure is called at the deployment's address, with its key and version, and gets texts too."""
    settings = make_settings(
        embedding_model="azure_openai:vectors",
        azure_openai_endpoint=openai_server.origin,
        azure_openai_api_key="key-2",
        openai_api_version="2024-10-21",
    )
    embedder = build_embedder(settings)
    assert embedder is not None
    embed_all(embedder, ["tea"])
    (recorded,) = openai_server.requests
    assert recorded.path == "/openai/deployments/vectors/embeddings?api-version=2024-10-21"
    assert recorded.headers["api-key"] == "key-2"
    assert recorded.body["input"] == ["tea"]


def test_passages_go_in_batches_in_order(embedder: Embedder, openai_server: OpenAIServer) -> None:
    """Batches have a bounded size, and the vectors come in the order of the texts."""
    texts = ["a" * n for n in range(1, 71)]
    vectors = embed_all(embedder, texts)
    assert [len(batch) for batch in openai_server.embedded] == [32, 32, 6]
    wanted = np.array([embed_letters(text) for text in texts])
    np.testing.assert_allclose(vectors, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-6)


def test_stopped_work_ends_early(embedder: Embedder, openai_server: OpenAIServer) -> None:
    """Once it is told to stop, no further batch is sent."""
    stop = threading.Event()
    batches = embedder.embed_passages(["tea"] * 100, stop)
    next(batches)
    stop.set()
    assert list(batches) == []
    assert len(openai_server.requests) == 1


@pytest.mark.parametrize(
    "failure",
    [
        {"status": 429},
        {"status": 429, "retry_after": "0.05"},
        {"status": 500},
        {"status": 503, "retry_after": "Wed, 21 Oct 2025 07:28:00 GMT"},
        {"fault": "torn"},
        {"fault": "drop"},
        {"fault": "too_few"},
        {"fault": "uneven"},
        {"fault": "empty"},
        {"fault": "not_a_number"},
    ],
)
def test_passing_failure_is_tried_again(
    embedder: Embedder, openai_server: OpenAIServer, failure: dict[str, object]
) -> None:
    """What can pass is tried again, and the batch succeeds; vectors that are none count as a failure."""
    # However slow the machine is: what is proved is that it goes on, not how soon it gives up.
    embedder._retry_deadline_s = 60.0
    openai_server.fail_embeddings(times=2, **failure)  # type: ignore[arg-type]
    assert embed_all(embedder, ["tea", "coffee"]).shape == (2, 26)
    assert len(openai_server.requests) == 3


@pytest.mark.parametrize(
    ("failure", "kind", "says"),
    [
        ({"status": 401}, ProviderRejected, "refused the key"),
        ({"status": 404}, ProviderRejected, "no such model"),
        ({"status": 429}, ProviderRejected, "quota or rate"),
        ({"status": 500}, ProviderUnavailable, "out of order"),
        ({"fault": "torn"}, ProviderError, "no JSON"),
        ({"fault": "drop"}, ProviderUnavailable, "cannot be reached"),
        ({"fault": "too_few"}, ProviderError, "1 vectors for 2 texts"),
        ({"fault": "uneven"}, ProviderError, "different lengths"),
        ({"fault": "not_a_number"}, ProviderError, "no number"),
    ],
)
def test_lasting_failure_names_the_service(
    embedder: Embedder,
    openai_server: OpenAIServer,
    failure: dict[str, object],
    kind: type[ProviderError],
    says: str,
) -> None:
    """What does not pass in time is an error of ours that names the setting and what is wrong."""
    openai_server.fail_embeddings(times=50, **failure)  # type: ignore[arg-type]
    with pytest.raises(kind, match=rf"EMBEDDING_MODEL=openai:any\b.*{says}"):
        embed_all(embedder, ["tea", "coffee"])


def test_refused_key_is_not_tried_again(embedder: Embedder, openai_server: OpenAIServer) -> None:
    """A wrong key stays wrong: one call is enough."""
    openai_server.fail_embeddings(401)
    with pytest.raises(ProviderRejected):
        embed_all(embedder, ["tea"])
    assert len(openai_server.requests) == 1


def test_long_wait_that_a_server_asks_for_is_not_waited_out(
    embedder: Embedder, openai_server: OpenAIServer
) -> None:
    """A `Retry-After` beyond the deadline ends the tries at once."""
    openai_server.fail_embeddings(429, retry_after="3600")
    with pytest.raises(ProviderRejected):
        embed_all(embedder, ["tea"])
    assert len(openai_server.requests) == 1


def test_batch_that_is_too_big_is_halved(embedder: Embedder, openai_server: OpenAIServer) -> None:
    """A server that takes few texts at once gets few; the order stays."""
    openai_server.limit_embeddings(max_batch=4)
    texts = ["a" * n for n in range(1, 11)]
    wanted = np.array([embed_letters(text) for text in texts])
    np.testing.assert_allclose(
        embed_all(embedder, texts), wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-6
    )


def test_text_that_is_too_long_is_embedded_by_its_beginning(
    embedder: Embedder, openai_server: OpenAIServer
) -> None:
    """A server that reads short texts alone gets the first half, or the first quarter; the others stay whole."""
    openai_server.limit_embeddings(max_characters=300)
    vectors = embed_all(embedder, ["tea", "b" * 500 + "c" * 500])
    assert openai_server.embedded[-1] == ["b" * 250]
    assert vectors.shape == (2, 26)


def test_question_is_not_waited_for_beyond_the_deadline(
    make_settings: MakeSettings, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that hangs costs a question the deadline, once, without a second try."""
    monkeypatch.setattr(embeddings, "QUERY_DEADLINE_S", 0.2)
    settings = make_settings(embedding_model="openai:any", openai_base_url=openai_server.url)
    built = build_embedder(settings)
    assert built is not None
    built._query_deadline_s = 0.2
    openai_server.fail_embeddings(fault="hang")
    started = time.monotonic()
    with pytest.raises(ProviderTimeout):
        built.embed_query("tea")
    assert time.monotonic() - started < 5
    assert len(openai_server.requests) == 1


def test_server_that_is_not_there_is_named(make_settings: MakeSettings, openai_server: OpenAIServer) -> None:
    """A refused connection is the service's fault, in words."""
    url = openai_server.url
    openai_server.close()
    embedder = build_embedder(make_settings(embedding_model="openai:any", openai_base_url=url))
    assert embedder is not None
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        embedder.embed_query("tea")


def test_server_that_was_never_there_is_given_up_soon(
    make_settings: MakeSettings, embedder: Embedder, openai_server: OpenAIServer
) -> None:
    """A wrong address keeps nobody waiting for a minute; a server that was there is waited for."""
    embedder._retry_deadline_s, embedder._reach_deadline_s = 60.0, 0.0
    embed_all(embedder, ["tea"])
    openai_server.fail_embeddings(fault="drop", times=2)
    assert len(embed_all(embedder, ["tea"])) == 1
    settings = make_settings(embedding_model="openai:any", openai_base_url="http://127.0.0.1:9/v1")
    absent = build_embedder(settings)
    assert absent is not None
    absent._reach_deadline_s = 0.0
    stop = threading.Event()
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        next(absent.embed_passages(["tea"], stop))
    assert absent._is_reached is False


def test_folder_without_a_model_is_refused(make_settings: MakeSettings, tmp_path: Path) -> None:
    """A folder that holds no model, or the missing extra, is named with the remedy."""
    with pytest.raises(SettingsError, match=r"EMBEDDING_MODEL=local:.*(sentence-transformers|pip install)"):
        build_embedder(make_settings(embedding_model=f"local:{tmp_path}"))
