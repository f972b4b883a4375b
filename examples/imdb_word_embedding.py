r"""The TensorFlow Hub tutorial on IMDb: a trainable text embedding, Dense(16, relu), Dense(1), Adam.

Usage: python examples/imdb_word_embedding.py [DATA [PRESET]]. The PRESET is a SavedModel, which can run code.
The same as one command:

    textgraft train tfds:imdb_reviews --split 'train[:60%],train[60%:],test' --preset nnlm-en-dim50 --hidden 16 \
        --dropout 0 --epochs 10 --batch-size 512 --optimizer adam --learning-rate 1e-3 --patience 10 --no-ngrams \
        --out imdb
"""

import sys

import textgraft as tg

defaults = "tfds:imdb_reviews", "https://tfhub.dev/google/nnlm-en-dim50/2"
data, preset = [*sys.argv[1:], *defaults[len(sys.argv) - 1 :]]

train, validation, test = tg.load_dataset(data, split="train[:60%],train[60%:],test")
model = tg.TextClassifier(preset, train.label_names, hidden=(16,), dropout=0, trust_savedmodel=True)
options = {"batch_size": 512, "optimizer": "adam", "learning_rate": 1e-3, "patience": 10, "ngrams": False}
model.fit(train, validation=validation, epochs=10, **options)
metrics = model.evaluate(test)
print(f"test loss {metrics['loss']:.3f}, accuracy {metrics['accuracy']:.3f}")
