"""Make tests/golden/hub_training.npz: weights of a TF-Hub module trained by the legacy tutorial.

Run by hand in the environment of `make bench-legacy` (tf-keras, tensorflow-hub):

    .venv-legacy/bin/python -m tools.make_hub_golden
"""

import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub
import tf_keras as keras
from tools.make_hub_module import make_hub_module

FILE = Path(__file__).parents[1] / "tests" / "golden" / "hub_training.npz"
WORDS, DIM, OOV, TEXTS, STEPS, BATCH = 60, 8, 2, 40, 50, 8


def main() -> None:
    """Train a tiny module with a hidden layer for 50 steps of Adam, in a recorded order."""
    random = np.random.default_rng(0)
    words = np.array([f"word{index}" for index in range(WORDS)])
    text_words = np.append(words[: WORDS // 2], ["unknown", "another,"])  # no text contains the other half
    inputs = {
        "words": words,
        "vectors": random.normal(size=(WORDS + OOV, DIM)).astype(np.float32),
        "texts": np.array([" ".join(random.choice(text_words, random.integers(0, 12))) for _ in range(TEXTS)]),
        "targets": random.integers(0, 2, TEXTS).astype(np.int32),
        "order": np.array([random.permutation(TEXTS)[:BATCH] for _ in range(STEPS)]),
        "hidden": random.normal(scale=0.3, size=(DIM, 16)).astype(np.float32),
        "logits": random.normal(scale=0.3, size=(16, 1)).astype(np.float32),
    }
    with tempfile.TemporaryDirectory() as folder:
        make_hub_module(Path(folder) / "module", words.tolist(), inputs["vectors"], OOV, normalize=True)
        after = train(f"{folder}/module", inputs)
    made_with = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "tf-keras", "tensorflow-hub"))
    np.savez_compressed(FILE, **inputs, **after, made_with=made_with)
    print(f"{FILE.name}: {STEPS} steps, {made_with}")


def train(module: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights after training."""
    layer = hub.KerasLayer(module, input_shape=[], dtype=tf.string, trainable=True)
    hidden, logits = keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)
    model = keras.Sequential([layer, hidden, logits])
    model.build([None])
    for dense, name in ((hidden, "hidden"), (logits, "logits")):
        dense.set_weights([inputs[name], np.zeros(inputs[name].shape[1], np.float32)])
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.BinaryCrossentropy(from_logits=True))
    for rows in inputs["order"]:
        model.train_on_batch(tf.constant(inputs["texts"][rows]), inputs["targets"][rows])
    kernels = {f"{name}_after": dense.get_weights()[0] for dense, name in ((hidden, "hidden"), (logits, "logits"))}
    biases = {f"{name}_bias_after": dense.get_weights()[1] for dense, name in ((hidden, "hidden"), (logits, "logits"))}
    return {"vectors_after": layer.get_weights()[0], **kernels, **biases}


if __name__ == "__main__":
    main()
