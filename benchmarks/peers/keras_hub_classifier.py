"""KerasHub's `BertTextClassifier.fit`: defaults except for tokens and epochs."""

import keras
import keras_hub
import numpy as np

from benchmarks.peers.contract import EPOCHS, SEQUENCE_LENGTH, Predict, Task, run


def fit(task: Task) -> Predict:
    """Train in float32, with batches of 32 padded to the full length."""
    keras.utils.set_random_seed(task.seed)
    classifier = keras_hub.models.BertTextClassifier(
        backbone=keras_hub.models.BertBackbone.from_preset(task.minilm),
        num_classes=len(task.labels),
        preprocessor=keras_hub.models.BertTextClassifierPreprocessor(
            keras_hub.models.BertTokenizer.from_preset(task.minilm), sequence_length=SEQUENCE_LENGTH
        ),
    )
    with task.training:
        classifier.fit(task.train.texts, task.train.targets, epochs=EPOCHS, verbose=0)
    return lambda texts: np.argmax(classifier.predict(texts, verbose=0), axis=1)


if __name__ == "__main__":
    run(fit)
