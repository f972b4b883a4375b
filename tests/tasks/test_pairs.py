"""Pairs of texts: packing, training, model folders, and errors for single texts."""

import json

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from textgraft.backbones.family import families
from textgraft.errors import DataError
from textgraft.tasks.loading import load
from textgraft.tasks.texts import as_batches
from textgraft.text.packing import pad_rows
from tokenizers import Tokenizer

FAMILIES = ["bert", "bert_sentence_piece", "electra", "albert", "deberta_v3", "roberta", "xlm_roberta", "distil_bert"]
FIRST = ["the film was good", "", "a dull [SEP] plot", "very " * 60, "it was fine .", "good"]
SECOND = ["it was", "very bad", "[SEP] not good [SEP]", "bad " * 70, "dull , " * 60, ""]
LABELS = ["yes", "no", "no", "yes", "yes", "no"]
FIT = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-3, "keep_reference": 0}


def pairs(copies=4):
    return tg.Dataset.from_lists(FIRST * copies, LABELS * copies, pairs=SECOND * copies)


def classifier(preset, **options):
    return tg.TextClassifier(preset, ["no", "yes"], precision="float32", pairs=True, **options)


@pytest.mark.parametrize(
    "family",
    [family if family in ("bert", "roberta") else pytest.param(family, marks=pytest.mark.slow) for family in FAMILIES],
)
@pytest.mark.parametrize("length", [16, *(pytest.param(length, marks=pytest.mark.slow) for length in (9, 40))])
def test_ids_and_segments_equal_the_reference(family, length, request):
    folder = request.getfixturevalue(f"tiny_{family}") if family != "bert" else None
    folder = folder or request.config.rootpath / "tests" / "golden" / "bert"
    reference = Tokenizer.from_file(str(folder / "tokenizer.json"))
    reference.no_padding()
    reference.enable_truncation(length, strategy="longest_first")
    # A literal separator in a text is a token of its own to the reference, which takes it for the special one.
    texts = [(a, b) for a, b in zip(FIRST, SECOND, strict=True) if "[SEP]" not in a + b]
    expected = reference.encode_batch(texts)
    model = classifier(folder, sequence_length=length)
    tokens = model.tokenize(as_batches(texts))
    row = pad_rows(tokens.batch(np.arange(len(texts))), model.text_graph.pad_id)
    for number, encoding in enumerate(expected):
        size = len(encoding.ids)
        assert row["token_ids"].numpy()[number, :size].tolist() == encoding.ids
        if "segment_ids" in model.backbone.network.input:
            assert row["segment_ids"].numpy()[number].tolist()[:size] == encoding.type_ids
        assert not row["segment_ids"].numpy()[number, size:].any()
    assert tokens.truncated.texts == sum(bool(encoding.overflowing) for encoding in expected)


def test_separator_in_a_text_does_not_start_the_second_segment(bert_backbone):
    graph = classifier(bert_backbone).text_graph
    packed = graph.pack(tf.constant(["a dull [SEP] plot"]), tf.constant(["[SEP] good"]))
    model = classifier(bert_backbone)
    tokens = model.tokenize([np.array([[b"a dull [SEP] plot", b"[SEP] good"]], object)])
    row = pad_rows(tokens.batch(np.arange(1)), graph.pad_id)
    first_length, length = int(packed.first_lengths[0]), packed.token_ids.flat_values.shape[0]
    assert row["segment_ids"].numpy().tolist() == [[0] * first_length + [1] * (length - first_length)]


def test_segments_reach_the_network(bert_backbone):
    model = classifier(bert_backbone)
    (outputs,) = model.outputs(as_batches([("the film", "good")]))
    inputs = {
        "token_ids": [[2, 5, 7, 3, 9, 3]], "padding_mask": [[1] * 6], "segment_ids": [[0, 0, 0, 0, 1, 1]],
    }  # fmt: skip
    inputs = {name: tf.constant(values, tf.int32) for name, values in inputs.items()}
    np.testing.assert_allclose(outputs, model.model(inputs), atol=1e-6)
    inputs["segment_ids"] *= 0
    assert np.abs(outputs - model.model(inputs)).max() > 1e-5


def test_single_texts_have_no_segments(bert_backbone):
    """Speed: a batch of theirs is a ragged tensor and nothing more."""
    model = tg.TextClassifier(bert_backbone, ["a", "b"], precision="float32")
    assert isinstance(model.tokenize(as_batches(["good"])).batch(np.arange(1)), tf.RaggedTensor)


@pytest.mark.parametrize(
    "fine_tune",
    ["none", *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("all", "last:1", "lora:2"))],
)
def test_every_fine_tuning_mode_trains_pairs(tiny_bert, fine_tune, tmp_path):
    model = classifier(tiny_bert)
    model.fit(pairs(), validation=pairs(1), fine_tune=fine_tune, **FIT)
    texts = list(zip(FIRST, SECOND, strict=True))
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model", precision="float32")
    np.testing.assert_array_equal(loaded.predict_proba(texts), model.predict_proba(texts))
    with pytest.warns(UserWarning, match="texts truncated"):
        assert loaded.predict(pairs(1)) == loaded.predict(texts)
    assert loaded.evaluate(pairs(1))["texts"] == len(FIRST)
    assert json.loads((tmp_path / "model" / "config.json").read_text())["settings"]["pairs"] is True
    assert '("a text", "its second text")' in (tmp_path / "model" / "README.md").read_text()


def test_stored_activations_depend_on_segments(bert_backbone):
    """The first loss of the last blocks on stored activations is that of a whole network without dropout."""
    model = classifier(bert_backbone, dropout=0)
    part = model.tokenize(as_batches(list(zip(FIRST, SECOND, strict=True))))
    split = model.backbone.split(1)
    batch = part.batch(np.arange(len(part)))
    np.testing.assert_allclose(model.forward(split.apply_frozen(batch), split=split), model.forward(batch), atol=1e-5)


def test_word_vectors_concatenate_pairs(word_vectors_backbone):
    model = classifier(word_vectors_backbone)
    single = tg.TextClassifier(word_vectors_backbone, ["no", "yes"], precision="float32")
    found = model.predict_proba([("the film", "was good")])
    np.testing.assert_allclose(found, single.predict_proba(["the film was good"]), atol=1e-6)


@pytest.mark.parametrize("given", [["good"], [("good", "bad"), "good"]])
def test_single_texts_for_a_pair_model_are_reported(bert_backbone, given):
    with pytest.raises(DataError, match=r"this model takes pairs|mixes texts and pairs"):
        classifier(bert_backbone).predict(given)


def test_pairs_for_a_single_text_model_are_reported(bert_backbone):
    model = tg.TextClassifier(bert_backbone, ["no", "yes"], precision="float32")
    for act in (lambda: model.predict([("good", "bad")]), lambda: model.fit(pairs()), lambda: model.evaluate(pairs())):
        with pytest.raises(DataError, match="this model takes single texts"):
            act()


def test_late_pair_in_a_list_of_texts_is_reported(bert_backbone, monkeypatch):
    from textgraft.tasks import texts as given

    monkeypatch.setattr(given, "WINDOW", 2)
    with pytest.raises(DataError, match="this model takes single texts"):
        tg.TextClassifier(bert_backbone, ["no", "yes"], precision="float32").predict(["a", "b", "c", "d", ("e", "f")])


def test_every_family_supports_pairs():
    assert {*FAMILIES, "gpt2", "opt", "static_embeddings", "word_vectors"} >= families().keys()
