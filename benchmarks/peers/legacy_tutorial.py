"""The TF-Hub tutorial as published, with tf-keras and `hub.KerasLayer`."""

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub
import tf_keras as keras

from benchmarks.peers.contract import Predict, Rows, Task, run


def fit(task: Task) -> Predict:
    """Train for ten epochs in batches of 512."""
    keras.utils.set_random_seed(task.seed)
    model = keras.Sequential(
        [
            hub.KerasLayer(task.module, input_shape=[], dtype=tf.string, trainable=True),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    train, validation = _dataset(task.train).shuffle(10_000).batch(512), _dataset(task.validation).batch(512)
    with task.training:
        model.fit(train, epochs=10, validation_data=validation, verbose=0)

    def predict(texts: list[str]) -> np.ndarray:
        logits = model.predict(tf.data.Dataset.from_tensor_slices(texts).batch(512), verbose=0)
        return (logits[:, 0] > 0).astype(np.int64)

    return predict


def _dataset(rows: Rows | None) -> tf.data.Dataset:
    if rows is None:
        raise ValueError("the tutorial needs validation rows")
    return tf.data.Dataset.from_tensor_slices((rows.texts, rows.targets))


if __name__ == "__main__":
    run(fit)
