"""Tiny presets with random weights for tests."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tools.make_hub_module import make_hub_module

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "a", "film", "was", "good", "bad", "fine", "dull", "not", "very", "##ly", ".", ",", "it", "plot"]


def make_tiny_bert(folder: Path, num_layers: int = 1, activation: str = "gelu") -> Path:
    """Write a Hugging Face folder of a BERT of width 16; returns the folder. KerasHub's has the activation gelu_new."""
    folder.mkdir()
    vocabulary = SPECIAL_TOKENS + WORDS
    config = {
        "model_type": "bert",
        "hidden_act": activation,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_attention_heads": 2,
        "num_hidden_layers": num_layers,
        "max_position_embeddings": 64,
        "type_vocab_size": 2,
        "vocab_size": len(vocabulary),
        "hidden_dropout_prob": 0.1,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    save_file(_bert_weights(config), folder / "model.safetensors")
    return folder


def make_tiny_word_vectors(folder: Path) -> Path:
    """Write a TF-Hub-like text embedding of a few words, width 16, with two out-of-vocabulary rows."""
    words = [word for word in WORDS if not word.startswith("##")]
    vectors = np.random.default_rng(0).normal(size=(len(words) + 2, 16)).astype(np.float32)
    make_hub_module(folder, words, vectors, oov_buckets=2, normalize=True)
    return folder


def _bert_weights(config: dict) -> dict[str, np.ndarray]:
    width, inner = config["hidden_size"], config["intermediate_size"]
    shapes = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], width),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], width),
        "embeddings.token_type_embeddings.weight": (2, width),
        "embeddings.LayerNorm.weight": (width,),
        "embeddings.LayerNorm.bias": (width,),
        "pooler.dense.weight": (width, width),
        "pooler.dense.bias": (width,),
    }
    for layer in range(config["num_hidden_layers"]):
        prefix = f"encoder.layer.{layer}"
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= {f"{prefix}.{part}.weight": (width, width), f"{prefix}.{part}.bias": (width,)}
        shapes |= {f"{prefix}.intermediate.dense.weight": (inner, width), f"{prefix}.intermediate.dense.bias": (inner,)}
        shapes |= {f"{prefix}.output.dense.weight": (width, inner), f"{prefix}.output.dense.bias": (width,)}
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{prefix}.{part}.weight": (width,), f"{prefix}.{part}.bias": (width,)}
    random = np.random.default_rng(0)
    return {
        name: (random.normal(size=shape) * 0.2 + name.endswith("LayerNorm.weight")).astype(np.float32)
        for name, shape in shapes.items()
    }
