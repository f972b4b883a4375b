"""How the authors of a preset turn token vectors into the vector of a text; no TensorFlow import."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

# Ways to combine token vectors into one.
POOLINGS = ("mean", "cls", "max", "last", "sqrtn")

# Id of the task whose head has the layers after the pooling.
EMBEDDING_TASK = "feature-extraction"


@dataclass(frozen=True)
class TextVectors:
    """A text vector, as published.

    Attributes:
        pooling: one of `POOLINGS`.
        normalize: whether vectors are divided by their Euclidean length.
        layers: fields of each dense layer after the pooling, those of `DENSE_LAYER`.
        sequence_length: maximum tokens per text, special tokens included, or None.
        lowercase: whether texts are converted to lower case before the tokenizer.
        prompts: texts to put before others, by name.
        prompt: that of all texts for which no other is chosen.
        window: tokens, special tokens included, of the windows whose mean describes a long text to a head better than
            its first tokens do, where that was measured (docs/measurements.md#windows); else None.
    """

    pooling: str
    normalize: bool = False
    layers: tuple[Mapping[str, Any], ...] = ()
    sequence_length: int | None = None
    lowercase: bool = False
    prompts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    prompt: str = ""
    window: int | None = None

    def settings(self) -> dict[str, Any]:
        """Settings of `TextEmbedder`."""
        return {"normalize": self.normalize, "layers": list(self.layers), "prompt": self.prompt}


def known_text_vectors(preset: str) -> TextVectors | None:
    """Those of a preset that KerasHub lists, whose folders do not state them, or of minilm; None for others.

    `preset` is its name or its address on Kaggle. Their authors' model cards are the source.
    """
    if preset.startswith("kaggle://keras/"):
        preset = preset.split("/")[5] if preset.count("/") > 4 else ""
    return next((vectors for pattern, vectors in _KNOWN if re.fullmatch(pattern, preset)), None)


_MEAN, _NORMALIZED_MEAN, _CLS = TextVectors("mean"), TextVectors("mean", normalize=True), TextVectors("cls")
_SEARCH = MappingProxyType({"query": "Represent this sentence for searching relevant passages: "})
_SEARCH_ZH = MappingProxyType({"query": "为这个句子生成表示以用于检索相关文章："})
_E5 = MappingProxyType({"query": "query: ", "passage": "passage: "})

_KNOWN = (
    (r"minilm|all_minilm_\w+", TextVectors("mean", normalize=True, window=64)),
    (r"multi_qa_minilm_l6_cos_v1_en|msmarco_minilm_\w+", _NORMALIZED_MEAN),
    (r"paraphrase_minilm_\w+", _MEAN),
    (r"multi_qa_minilm_l6_dot_v1_en", _CLS),
    (r"bge_(small|base|large)_(v1\.5_)?en", TextVectors("cls", normalize=True, prompts=_SEARCH)),
    (r"bge_(small|base|large)_(v1\.5_)?zh", TextVectors("cls", normalize=True, prompts=_SEARCH_ZH)),
    (r"bge_m3|bge_llm_embedder", TextVectors("cls", normalize=True)),
    (r"multilingual_e5_\w+", TextVectors("mean", normalize=True, prompts=_E5)),
    (r"mxbai_embed_(2d_)?large_v1_en", TextVectors("cls", prompts=_SEARCH)),
    (r"mxbai_embed_xsmall_v1_en", TextVectors("mean", prompts=_SEARCH)),
)
