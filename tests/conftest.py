"""What tests share: a quiet TensorFlow, a tiny BERT, and the way to real data."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TEXTGRAFT_OFFLINE"] = "1"

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "a", "film", "was", "good", "bad", "fine", "dull", "not", "very", "##ly", ".", ",", "it", "plot"]


@pytest.fixture(scope="session")
def real_data() -> Path:
    if not REAL_DATA.is_dir():
        pytest.skip(f"needs the real data sets, which are not beside the project ({REAL_DATA.name} is absent)")
    return REAL_DATA


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder of a BERT with 2 layers of width 16 and random weights."""
    from safetensors.numpy import save_file

    folder = tmp_path_factory.mktemp("presets") / "tiny-bert"
    folder.mkdir()
    vocabulary = SPECIAL_TOKENS + WORDS
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
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


@pytest.fixture(scope="session")
def tiny_word_vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TF-Hub-like text embedding of a few words, width 16, random vectors, two rows for other words."""
    from tools.make_hub_module import make_hub_module

    words = [word for word in WORDS if not word.startswith("##")]
    vectors = np.random.default_rng(0).normal(size=(len(words) + 2, 16)).astype(np.float32)
    folder = tmp_path_factory.mktemp("presets") / "tiny-word-vectors"
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
