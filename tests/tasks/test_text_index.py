"""Training texts that a model keeps, and those nearest to another text."""

import json
import shutil

import numpy as np
import pytest
from tools.make_hostile import seal

import textgraft as tg
from tests.helpers.commands import run_successfully
from textgraft.errors import ConfigError, ModelFolderError, TrainingError
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder import text_index
from textgraft.tasks.text_index import NearestTexts, TextEmbedding

TEXTS = ["the film was good", "a dull plot", "very bad", "fine .", "it was a good plot", "bad film"] * 2
LABELS = ["good", "bad", "bad", "good", "good", "bad"] * 2


@pytest.fixture(scope="module")
def model(tiny_word_vectors):
    model = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], precision="float32")
    model.fit(TEXTS, LABELS, validation=(TEXTS, LABELS), epochs=1, fine_tune="none", keep_index=100, progress=False)
    return model


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return model.save(tmp_path_factory.mktemp("models") / "model")


def test_nearest_texts_have_the_largest_cosines(model):
    query = "the plot was bad"
    vectors = np.concatenate(list(TextEmbedding(model).vectors([np.array([t.encode() for t in [*TEXTS, query]])])))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = units[:-1] @ units[-1]
    (explanation,) = model.explain(query, nearest=5)
    similarities = [neighbour.similarity for neighbour in explanation.nearest]
    assert similarities == pytest.approx(np.sort(cosines)[::-1][:5], abs=0.01)
    assert [neighbour.label for neighbour in explanation.nearest] == [
        LABELS[TEXTS.index(neighbour.text)] for neighbour in explanation.nearest
    ]


def test_training_text_is_nearest_to_itself(model):
    for explanation in model.explain(TEXTS[:3], nearest=1):
        assert explanation.nearest[0].text == explanation.text
        assert explanation.nearest[0].similarity == pytest.approx(1, abs=0.01)


def test_search_in_blocks_is_exact(model, monkeypatch):
    texts = np.array([text.encode() for text in TEXTS[:4]], object)
    expected = NearestTexts(model, model.index).search(texts, 7)
    monkeypatch.setattr("textgraft.tasks.text_index._BLOCK", 2)
    rows, cosines = NearestTexts(model, model.index).search(texts, 7)
    distinct = len(TEXTS) // 2  # each text is there twice, and equal texts differ in the last bit of their cosines
    np.testing.assert_array_equal(rows % distinct, expected[0] % distinct)
    np.testing.assert_allclose(cosines, expected[1], rtol=1e-6)


def test_index_is_stored_in_the_folder(model, folder):
    loaded = tg.load(folder, precision="float32")
    assert len(loaded.index) == len(TEXTS)
    np.testing.assert_array_equal(loaded.index.vectors, model.index.vectors)
    assert loaded.explain("a good film", nearest=3) == model.explain("a good film", nearest=3)
    assert (
        loaded.save(folder.parent / "again").joinpath("text_index.bin").read_bytes()
        == (folder / "text_index.bin").read_bytes()
    )


def test_card_says_that_the_folder_contains_training_texts(folder):
    assert "**This folder contains training texts**: 12 training texts (" in (folder / "README.md").read_text()
    assert "in this folder: 12 training texts" in " ".join(run_successfully("info", folder).stdout.split())


def test_nearest_texts_are_shown_by_explain(folder, tmp_path):
    out, page = tmp_path / "out.jsonl", tmp_path / "out.html"
    shown = run_successfully("explain", folder, "very bad", "--nearest", 2).stdout
    assert "1.00 bad: very bad" in shown
    run_successfully("explain", folder, "very bad", "--nearest", 2, "--json", out, "--html", page)
    nearest = json.loads(out.read_text())["nearest"]
    assert nearest[0] == {"text": "very bad", "label": "bad", "similarity": pytest.approx(1, abs=0.01)}
    assert "nearest training texts" in page.read_text()


def test_index_is_off_by_default(tiny_word_vectors, tmp_path):
    model = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], precision="float32")
    model.fit(TEXTS, LABELS, validation=(TEXTS, LABELS), epochs=1, fine_tune="none", progress=False)
    assert model.index is None
    assert not (model.save(tmp_path / "model") / "text_index.bin").exists()
    with pytest.raises(ConfigError, match="keeps no training texts; train it with keep_index"):
        model.explain("a film", nearest=1)


def test_sample_has_at_most_the_requested_texts(tiny_word_vectors):
    model = tg.TextClassifier(tiny_word_vectors, problem="regression", precision="float32")
    messages = []
    model.fit(
        TEXTS, list(range(12)), validation=(TEXTS, list(range(12))), epochs=1, fine_tune="none", keep_index=5,
        progress=False, callbacks=Messages(messages),
    )  # fmt: skip
    assert len(model.index) == 5
    assert any("the model folder will contain 5 training texts" in message for message in messages)
    assert model.explain("a film", nearest=9)[0].nearest[4].label in map(str, range(12))


class Messages(tg.Callback):
    def __init__(self, messages):
        self.messages = messages

    def on_message(self, message):
        self.messages.append(message)


def test_pairs_are_kept(tiny_word_vectors):
    model = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], precision="float32", pairs=True)
    pairs = [(text, text[::-1]) for text in TEXTS]
    model.fit(pairs, LABELS, validation=(pairs, LABELS), epochs=1, fine_tune="none", keep_index=5, progress=False)
    (explanation,) = model.explain([pairs[0]], nearest=1)
    assert explanation.nearest[0].text in pairs


def test_long_texts_are_shortened():
    strings = text_index.Strings.of(["é".encode() * 1500, b"a"])
    assert strings[0] == "é" * 1000 + "…"
    assert strings[1] == "a"


def test_other_tasks_keep_no_texts(bert_backbone):
    model = tg.TokenClassifier(bert_backbone, ["X"], "float32")
    with pytest.raises(ConfigError, match="a model for token-classification does not; drop keep_index"):
        model.training_config({"keep_index": 5})


def test_index_that_is_too_large_is_not_written(tiny_word_vectors, monkeypatch):
    monkeypatch.setattr("textgraft.tasks.text_index.MAX_INDEX_BYTES", 10)
    model = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], precision="float32")
    with pytest.raises(TrainingError, match="lower keep_index"):
        model.fit(TEXTS, LABELS, validation=(TEXTS, LABELS), epochs=1, fine_tune="none", keep_index=9, progress=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content, config: content[:-1], "bytes, its texts and vectors take"),
        (lambda content, config: content[: 12 * 16] + b"\xff" * 4 + content[12 * 16 + 4 :], "a scale is not a finite"),
        (
            lambda content, config: content[: 12 * 20] + b"\xff" * 4 + content[12 * 20 + 4 :],
            "lengths of the column text",
        ),
        (
            lambda content, config: (config.pop("text_index"), content)[1],
            "bin has training texts, config.json",
        ),
        (lambda content, config: config["text_index"].update(texts=0) or content, "texts"),
    ],
)
def test_damaged_index_is_reported(folder, tmp_path, change, message):
    copy = shutil.copytree(folder, tmp_path / "model")
    config = json.loads((copy / "config.json").read_text())
    content = change((copy / "text_index.bin").read_bytes(), config)
    (copy / "text_index.bin").write_bytes(content)
    (copy / "config.json").write_text(json.dumps(config))
    seal(copy)
    with pytest.raises(ModelFolderError, match=message):
        model_folder.read(copy)


def test_exports_have_no_training_texts(model, tmp_path):
    tg.export_model(model, tmp_path / "export")
    files = [file for file in (tmp_path / "export").rglob("*") if file.is_file()]
    assert files
    assert all(b"dull plot" not in file.read_bytes() for file in files)
