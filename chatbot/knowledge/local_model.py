"""A sentence-transformers folder as LangChain's `Embeddings`, without torch.

sentence-transformers itself was measured first: torch brings gigabytes of CUDA libraries, and does not import without
them even where there is no graphics card. CTranslate2 runs the same networks on the CPU, and the
vectors are the same to six digits; `docs/settings.md` has the figures. What it needs beyond the weights is read from
the folder: how long a text may be, how the vectors of the pieces become one, what is put before a question.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from chatbot.errors import SettingsError

INSTALL = "pip install -r requirements-local-model.txt"
ARCHITECTURES = ("bert", "camembert", "roberta", "xlm-roberta")
_ACTIVATIONS = {"gelu": "GELU", "gelu_new": "GELUTanh", "gelu_pytorch_tanh": "GELUTanh", "relu": "RELU"}
_BYTES_HASHED_AT_ONCE = 1 << 20


class LocalModel(Embeddings):
    """The model of a folder: `model.safetensors`, `config.json`, `tokenizer.json`, `modules.json` and its pooling.

    Texts are cut to what the model reads. Safe to use from several threads; calls wait for one another.

    Args:
        folder: as `SentenceTransformer.save` writes it.

    Raises:
        SettingsError: the extra is not installed, or the folder holds no model that can be run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            import ctranslate2
            from safetensors.numpy import load_file
            from tokenizers import Tokenizer
        except ImportError as error:
            raise self._refuse(
                f"the package {error.name} is missing; install what local models need: {INSTALL}"
            ) from error
        config = self._read_json("config.json")
        self._check_architecture(config)
        self._read_pooling()
        prompts = self._read_json("config_sentence_transformers.json", {}).get("prompts") or {}
        self._query_prompt = str(prompts.get("query") or "")
        self._passage_prompt = str(prompts.get("document") or prompts.get("passage") or "")
        try:
            weights = _strip_prefix(load_file(folder / "model.safetensors"))
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            spec, positions = _convert(config, weights)
            with tempfile.TemporaryDirectory(prefix="guichet-model-") as draft:
                spec.save(draft)
                # Two at once, so that a question does not wait until a batch of passages is done.
                self._encoder = ctranslate2.Encoder(draft, compute_type="float32", inter_threads=2)
        except KeyError as error:
            raise self._refuse(
                f"its model.safetensors has no {error}; it is not of type {config['model_type']}"
            ) from error
        except Exception as error:
            # The three libraries raise bare exceptions of their own kinds.
            raise self._refuse(
                f"its model cannot be loaded ({error}); save it again with sentence-transformers"
            ) from error
        longest = self._read_json("sentence_bert_config.json", {}).get("max_seq_length") or positions
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length=min(int(longest), positions))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed passages."""
        return self._embed([self._passage_prompt + text for text in texts])

    def embed_query(self, text: str) -> list[float]:
        """Embed a question."""
        return self._embed([self._query_prompt + text])[0]

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        if not rows:
            return []
        hidden = np.asarray(self._encoder.forward_batch(rows).last_hidden_state)
        # The mean over a text's own pieces: behind them the batch is padded.
        pooled = [
            state[0] if self._pools_first else state[: len(row)].mean(axis=0)
            for row, state in zip(rows, hidden, strict=True)
        ]
        return [[float(value) for value in vector] for vector in pooled]

    def _check_architecture(self, config: Mapping[str, Any]) -> None:
        kind = config.get("model_type")
        known = kind in ARCHITECTURES and config.get("hidden_act", "gelu") in _ACTIVATIONS
        if not known or config.get("position_embedding_type", "absolute") != "absolute":
            raise self._refuse(
                f"a model of type {kind} cannot be run here, only {', '.join(ARCHITECTURES)}; "
                "serve it with an OpenAI-compatible server and name it as openai:MODEL"
            )

    def _read_pooling(self) -> None:
        modules = self._read_json("modules.json")
        kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
        if kinds[:2] != ["Transformer", "Pooling"] or set(kinds[2:]) - {"Normalize"}:
            raise self._refuse(
                f"its modules.json lists {', '.join(kinds)}; only Transformer, Pooling and Normalize can be run here"
            )
        pooling = self._read_json(f"{modules[1]['path']}/config.json")
        modes = {name.removeprefix("pooling_mode_") for name, value in pooling.items() if value is True}
        modes &= {
            "cls_token",
            "mean_tokens",
            "max_tokens",
            "mean_sqrt_len_tokens",
            "weightedmean_tokens",
            "lasttoken",
        }
        if modes not in ({"mean_tokens"}, {"cls_token"}):
            raise self._refuse(
                f"its pooling is {', '.join(sorted(modes)) or 'unknown'}; only mean and cls can be run here"
            )
        self._pools_first = modes == {"cls_token"}

    def _read_json(self, name: str, default: Any = None) -> Any:
        path = self._folder / name
        if default is not None and not path.exists():
            return default
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self._refuse(
                f"{name} cannot be read ({error}); name a folder that sentence-transformers saved"
            ) from error

    def _refuse(self, reason: str) -> SettingsError:
        return SettingsError([f"EMBEDDING_MODEL=local:{self._folder}: {reason}."])


def hash_model(folder: Path) -> str:
    """Give a short hash of a folder's model: another one under the same path makes other vectors."""
    digest = hashlib.sha256()
    for path in sorted(
        [*folder.glob("*.json"), *folder.glob("*/config.json"), *folder.glob("*.safetensors")]
    ):
        digest.update(f"{path.relative_to(folder).as_posix()}\n{path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            while block := file.read(_BYTES_HASHED_AT_ONCE):
                digest.update(block)
    return digest.hexdigest()[:16]


def _strip_prefix(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Name the weights alike, whether they were saved from the bare network or from one with a head on top."""
    heads = ("bert.", "roberta.")
    return {
        name.removeprefix(next((h for h in heads if name.startswith(h)), "")): weights[name]
        for name in weights
    }


def _convert(config: Mapping[str, Any], weights: Mapping[str, Any]) -> tuple[Any, int]:
    """Describe the network to CTranslate2; give the description and how many pieces it reads at once."""
    from ctranslate2.converters import utils
    from ctranslate2.specs import common_spec, transformer_spec

    def fill(spec: Any, name: str, *, is_norm: bool = False) -> Any:
        first, second = ("gamma", "beta") if is_norm else ("weight", "bias")
        setattr(spec, first, _as_float(weights[f"{name}.weight"]))
        setattr(spec, second, _as_float(weights[f"{name}.bias"]))
        return spec

    encoder = transformer_spec.TransformerEncoderSpec(
        config["num_hidden_layers"],
        config["num_attention_heads"],
        pre_norm=False,
        activation=common_spec.Activation[_ACTIVATIONS[config.get("hidden_act", "gelu")]],
        layernorm_embedding=True,
        num_source_embeddings=2,
        embeddings_merge=common_spec.EmbeddingsMerge.ADD,
    )
    encoder.scale_embeddings = False
    encoder.embeddings[0].weight = _as_float(weights["embeddings.word_embeddings.weight"])
    encoder.embeddings[1].weight = _as_float(weights["embeddings.token_type_embeddings.weight"])
    # RoBERTa counts positions from behind its padding's.
    skipped = 0 if config["model_type"] == "bert" else int(config.get("pad_token_id", 1)) + 1
    positions = _as_float(weights["embeddings.position_embeddings.weight"])[skipped:]
    encoder.position_encodings.encodings = positions
    fill(encoder.layernorm_embedding, "embeddings.LayerNorm", is_norm=True)
    for number, layer in enumerate(encoder.layer):
        at = f"encoder.layer.{number}"
        attention = [
            fill(common_spec.LinearSpec(), f"{at}.attention.self.{name}")
            for name in ("query", "key", "value")
        ]
        utils.fuse_linear(layer.self_attention.linear[0], attention)
        fill(layer.self_attention.linear[1], f"{at}.attention.output.dense")
        fill(layer.self_attention.layer_norm, f"{at}.attention.output.LayerNorm", is_norm=True)
        fill(layer.ffn.linear_0, f"{at}.intermediate.dense")
        fill(layer.ffn.linear_1, f"{at}.output.dense")
        fill(layer.ffn.layer_norm, f"{at}.output.LayerNorm", is_norm=True)
    spec = transformer_spec.TransformerEncoderModelSpec(encoder)
    # Texts come as numbers of pieces, so the names of the pieces are never looked at.
    pieces = [f"piece{number}" for number in range(len(weights["embeddings.word_embeddings.weight"]))]
    spec.register_vocabulary(pieces)
    spec.config.unk_token = pieces[0]
    spec.config.layer_norm_epsilon = config.get("layer_norm_eps", 1e-12)
    spec.validate()
    spec.optimize(quantization=None)
    return spec, len(positions)


def _as_float(weights: Any) -> Any:
    return weights.astype(np.float32)
