"""Make tests/golden/keras2.tar.xz: weights that transformers 4 and Keras 2 saved with TensorFlow.

Run by hand in an environment of Python 3.11 with tensorflow 2.15, transformers 4.40, tensorflow-hub 0.15 and numpy 1:

    python -m tools.make_keras2_goldens

Each folder has the .h5 file of a network of tests/golden and, for transformers, its config.json. transformers' classes
load the weights from the folder of the same name, with those of tests/golden/heads where there are any; without a head,
they must give the hidden states stored there. The classifiers of Keras are built as TensorFlow's tutorials do, on the
encoder of hub_encoder.tar.xz.
"""

import shutil
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub
import transformers
from safetensors.numpy import load_file, save_file

from tests.golden.texts import MOST_TOKENS
from tests.golden.with_head import GOLDEN, with_head

# Folder of tests/golden or head of tests/golden/heads: class of transformers.
CLASSES = {
    "bert": "TFBertForPreTraining",
    "bert_cased": "TFBertForMaskedLM",
    "distil_bert": "TFDistilBertForMaskedLM",
    "electra": "TFElectraForMaskedLM",
    "albert": "TFAlbertForMaskedLM",
    "roberta": "TFRobertaForSequenceClassification",
    "xlm_roberta": "TFXLMRobertaForMaskedLM",
    "gpt2": "TFGPT2LMHeadModel",
    "opt": "TFOPTModel",
    "deberta_v3": "TFDebertaV2ForMaskedLM",
}
_TOLERANCE = 1e-4


def main() -> None:
    """Save all, and pack them."""
    packages = f"tensorflow {tf.__version__}, transformers {transformers.__version__}, tensorflow-hub {hub.__version__}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "keras2").mkdir()
        for family, kind in CLASSES.items():
            _save_transformers(family, kind, folder)
        _save_classifiers(folder)
        (folder / "keras2" / "made_with.txt").write_text(f"{packages}\n")
        with tarfile.open(GOLDEN / "keras2.tar.xz", "w:xz") as archive:
            archive.add(folder / "keras2", "keras2")
    print(f"keras2.tar.xz: {packages}")


def _save_transformers(family: str, kind: str, folder: Path) -> None:
    """Save a network with its head as TensorFlow's class does."""
    source = GOLDEN / family
    if (GOLDEN / "heads" / f"{family}.npz").exists():
        source = with_head(family, folder / f"{family}-with-head")
        tensors = load_file(source / "model.safetensors")
        if "predictions.bias" in tensors:  # ALBERT has one bias in torch, and two in TensorFlow
            tensors["predictions.decoder.bias"] = tensors["predictions.bias"]
        save_file(tensors, source / "model.safetensors", {"format": "pt"})
    model = getattr(transformers, kind).from_pretrained(source)
    _require_equal_states(model, family)
    model.save_pretrained(folder / "keras2" / family, safe_serialization=False)


def _require_equal_states(model: transformers.TFPreTrainedModel, family: str) -> None:
    """Stop at other hidden states than those of torch; a head's config changes them."""
    if (GOLDEN / "heads" / f"{family}.npz").exists():
        return
    expected = np.load(GOLDEN / family / "expected.npz")
    rows = np.split(expected["ids"], np.cumsum(expected["lengths"])[:-1])
    first = next(row[:MOST_TOKENS] for row in rows if len(row))
    states = model(tf.constant([first]), output_hidden_states=True).hidden_states[-1][0].numpy()
    if np.abs(states - expected["hidden"][: len(states)]).max() > _TOLERANCE:
        raise SystemExit(f"{family}: hidden states of TensorFlow's class differ")


def _save_classifiers(folder: Path) -> None:
    """Save the classifier of the tutorials by `save_weights` and by `save`."""
    with tarfile.open(GOLDEN / "hub_encoder.tar.xz") as archive:
        archive.extractall(folder)
    inputs = {
        name: tf.keras.Input((None,), dtype=tf.int32, name=name)
        for name in ("input_word_ids", "input_mask", "input_type_ids")
    }
    encoder = hub.KerasLayer(str(folder / "hub_encoder"), trainable=True, name="BERT_encoder")
    pooled = tf.keras.layers.Dropout(0.1)(encoder(inputs)["pooled_output"])
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(1, name="classifier")(pooled))
    model.compile("adam", "mse")
    model.fit({name: np.ones((2, 4), np.int32) for name in inputs}, np.zeros((2, 1)), epochs=0, verbose=0)
    target = folder / "keras2" / "tutorial"
    target.mkdir()
    shutil.copy(folder / "hub_encoder" / "assets" / "vocab.txt", target)
    model.save_weights(target / "classifier.h5")
    model.save(target / "whole.keras2", save_format="h5")


if __name__ == "__main__":
    main()
