"""Model folders that are served."""

import pytest

pytest.importorskip("fastapi")

import textgraft as tg
from tests.helpers.exports import classifier, sharpen
from tests.helpers.serving import serving

KINDS = ("binary", "multi-label", "regression", "pairs", "windows")


@pytest.fixture(scope="session")
def model_folders(tiny_bert, tmp_path_factory):
    """Folders of models of all kinds of answers, by kind."""
    parent = tmp_path_factory.mktemp("served")
    models = {kind: classifier(str(tiny_bert), kind) for kind in KINDS}
    models["entities"] = sharpen(tg.TokenClassifier(str(tiny_bert), ["PER", "ORG"], "float32", sequence_length=16))
    models["embedder"] = tg.TextEmbedder(str(tiny_bert), "float32", sequence_length=16)
    return {kind: str(model.save(parent / kind)) for kind, model in models.items()}


@pytest.fixture(scope="session")
def client(model_folders):
    """A client of a server of all models, whose options are the defaults."""
    with serving(model_folders) as client:
        yield client


@pytest.fixture(scope="session")
def folder_with_texts(tiny_word_vectors, tmp_path_factory):
    """The folder of a classifier that keeps its training texts."""
    texts = ["the film was good", "a dull plot", "very bad", "fine .", "it was a good plot", "bad film"]
    labels = ["good", "bad", "bad", "good", "good", "bad"]
    model = tg.TextClassifier(str(tiny_word_vectors), ["bad", "good"], precision="float32")
    options = {"epochs": 1, "fine_tune": "none", "keep_index": 100, "progress": False}
    model.fit(texts, labels, validation=(texts, labels), **options)
    return str(model.save(tmp_path_factory.mktemp("served") / "kept"))
