"""Make tests/golden/hub_encoder.tar.xz: a tiny TF-Hub BERT encoder, and outputs of it and its preprocessor.

Run by hand in an environment with tf-models-official, tf-keras and the tensorflow-text of TensorFlow's version:

    python -m tools.make_encoder_golden

The two modules are exported by Model Garden's program, as those on TF-Hub were, the encoder with its masked language
model head. `expected.npz` has the preprocessor's ids of each text (concatenated), the encoder's hidden states of the
first tokens, computed for each text alone, and the head's logits at the first token of some texts. Biases and scales
are random too.
"""

import json
import os
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  the preprocessor consists of its ops
from official.legacy.bert.configs import BertConfig
from official.nlp.tools import export_tfhub_lib as exporter

from tests.golden.texts import MOST_TOKENS, SHORT

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
_SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
}

_LOGIT_TEXTS = 8


def main() -> None:
    """Export both, run both, and pack the encoder with the expected outputs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vocabulary = folder / "vocab.txt"
        tokens = json.loads((GOLDEN / "bert" / "tokenizer.json").read_text())["model"]["vocab"]
        vocabulary_tokens = [*sorted(tokens, key=tokens.get), "X"]  # a capital letter, though texts are lower-cased
        vocabulary.write_text("".join(f"{token}\n" for token in vocabulary_tokens))
        _export(folder, str(vocabulary), len(vocabulary_tokens))
        made_with = ", ".join(
            f"{package} {version(package)}" for package in ("tf-models-official", "tensorflow", "tensorflow-text")
        )
        np.savez_compressed(folder / "encoder" / "expected.npz", **_compute(folder), made_with=made_with)
        with tarfile.open(GOLDEN / "hub_encoder.tar.xz", "w:xz") as archive:
            archive.add(folder / "encoder", "hub_encoder")
    print(f"hub_encoder.tar.xz: {len(SHORT)} texts, {made_with}")


def _export(folder: Path, vocabulary: str, tokens: int) -> None:
    config = BertConfig(vocab_size=tokens, **_SIZES)
    _, pretrainer = exporter._create_model(bert_config=config, with_mlm=True)
    random = np.random.default_rng(0)
    for weight in pretrainer.weights:
        scale = weight.name.endswith("gamma:0")
        weight.assign(random.normal(float(scale), 0.2, weight.shape))
    checkpoint = tf.train.Checkpoint(**pretrainer.checkpoint_items).save(str(folder / "checkpoint" / "weights"))
    exporter.export_model(
        str(folder / "encoder"), bert_config=config, model_checkpoint_path=checkpoint, with_mlm=True,
        vocab_file=vocabulary, do_lower_case=True,
    )  # fmt: skip
    exporter.export_preprocessing(
        str(folder / "preprocessor"), vocab_file=vocabulary, do_lower_case=True, tokenize_with_offsets=False,
        default_seq_length=MOST_TOKENS,
    )  # fmt: skip


def _compute(folder: Path) -> dict[str, np.ndarray]:
    encoder, preprocessor = (tf.saved_model.load(str(folder / name)) for name in ("encoder", "preprocessor"))
    ids, hidden, logits = [], [], []
    for text in SHORT:
        tokens = preprocessor.tokenize(tf.constant([text])).merge_dims(-2, -1)
        row = preprocessor.bert_pack_inputs([tokens], tf.size(tokens.values) + 2)
        ids.append(row["input_word_ids"][0].numpy())
        truncated = {name: values[:, :MOST_TOKENS] for name, values in row.items()}
        hidden.append(encoder(truncated)["sequence_output"][0].numpy())
        positions = tf.range(truncated["input_word_ids"].shape[1])[tf.newaxis]
        logits.append(encoder.mlm({**truncated, "masked_lm_positions": positions})["mlm_logits"][0, :1].numpy())
    return {
        "ids": np.concatenate(ids),
        "lengths": np.array([len(row) for row in ids]),
        "hidden": np.concatenate(hidden),
        "logits": np.concatenate(logits[:_LOGIT_TEXTS]),
    }


if __name__ == "__main__":
    main()
