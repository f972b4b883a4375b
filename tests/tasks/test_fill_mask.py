"""Masked language modelling and the prediction of masked tokens."""

import keras_hub
import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.helpers.paths import GOLDEN
from tests.helpers.resuming import RecordingCallback, assert_resume_changes_nothing
from textgraft.backbones.presets import load_backbone
from textgraft.errors import ConfigError, DataError

TEXTS = ["the film was good , not bad .", "it was a dull plot .", "the plot was very fine", "a fine film it was"] * 16
FIT = {"epochs": 3, "batch_size": 4, "learning_rate": 3e-3}


def fresh(preset, **architecture):
    return tg.MaskFiller(preset, "float32", **{"sequence_length": 12, **architecture})


def data():
    return tg.Dataset.from_lists(TEXTS)


def some_head(model):
    """A head with random weights in all of its layers."""
    random = np.random.default_rng(0)
    for weight in model.head.weights:
        weight.assign(random.normal(size=weight.shape) * 0.5)
    return model


def nats(model, shown, positions, targets):
    """The loss of each hidden token of a row, from the logits of the plain model."""
    ids = np.array([shown])
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids), "segment_ids": np.zeros_like(ids)}
    logits = model.model({name: inputs[name] for name in model.model.input}).numpy()[0].astype(np.float64)[positions]
    return np.log(np.exp(logits).sum(1)) - logits[np.arange(len(targets)), targets]


@pytest.mark.parametrize(
    "preset",
    ["tiny_bert"]
    + [
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("tiny_albert", "tiny_roberta", "tiny_electra", "tiny_deberta_v3")
    ],
)
def test_perplexity_equals_that_of_the_plain_model(preset, request):
    model = some_head(fresh(request.getfixturevalue(preset)))
    examples = model.examples(data())
    (shown, positions), targets = examples.batch(np.arange(len(examples)))
    rows = zip(*(one.to_list() for one in (shown, positions, targets)), strict=True)
    losses = np.concatenate([nats(model, *row) for row in rows])
    found = model.evaluate(data())
    assert found["tokens"] == len(losses) == examples.weights.sum()
    assert found["loss"] == pytest.approx(losses.mean(), rel=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(losses.mean()), rel=1e-4)
    assert model.evaluate(data()) == found


def test_head_equals_that_of_keras_hub(bert_backbone):
    model = some_head(fresh(bert_backbone))
    layer = model.backbone.token_embedding.layer
    other = keras_hub.layers.ReversibleEmbedding(layer.input_dim, layer.output_dim)
    other.build()
    other.embeddings.assign(layer.embeddings)
    reference = keras_hub.layers.MaskedLMHead(
        token_embedding=other, intermediate_activation="gelu", layer_norm_epsilon=1e-12
    )
    vectors, places = np.random.default_rng(1).normal(size=(2, 5, 16)).astype(np.float32), np.array([[0, 3], [4, 1]])
    reference(vectors, mask_positions=places)
    own = {weight.path: weight for weight in model.head.weights}
    dense, norm = reference._intermediate_dense, reference._intermediate_layer_norm
    for weight, name in [(dense.kernel, "dense/kernel"), (dense.bias, "dense/bias"), (norm.gamma, "layer_norm/gamma"),
                         (norm.beta, "layer_norm/beta"), (reference._bias, "logits/bias")]:  # fmt: skip
        weight.assign(own[name])
    expected = reference(vectors, mask_positions=places).numpy()
    found = np.take_along_axis(model.head(vectors).numpy(), places[:, :, None], 1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_only_masked_positions_have_gradients(tiny_bert):
    model = some_head(fresh(tiny_bert))
    (rows, positions), targets = model.examples(data()).batch(np.arange(6))
    vectors, _ = model.backbone.vectors(rows)
    model.backbone.vectors = lambda *_: (vectors, None)
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        logits = model.forward((rows, positions))
        loss = tf.reduce_sum(model.objective.loss(targets, logits))
    assert logits.values.shape == (targets.values.shape[0], 20)
    moved = np.abs(tape.gradient(loss, vectors).numpy()).max(2) > 0
    expected = np.zeros_like(moved)
    for row, places in enumerate(positions.to_list()):
        expected[row, places] = True
    np.testing.assert_array_equal(moved, expected)


def test_rows_hold_all_tokens_of_the_documents(bert_backbone):
    model = fresh(bert_backbone)
    special = model.backbone.special_tokens
    rows = model.examples(data()).inputs
    assert rows.lengths.max() == 12
    assert rows.truncated.texts == 0
    whole = []
    for row in np.split(rows.ids, np.cumsum(rows.lengths)[:-1]):
        assert (row[0], row[-1]) == (special.start, special.end)
        whole += row[1:-1].tolist()
    expected = []
    for row in model.tokenize([np.array([text.encode() for text in TEXTS], object)])._rows.tensor().to_list():
        expected += row[1:]
    assert whole == expected[:-1]


def test_new_head_is_trained_on_a_frozen_backbone(tiny_bert):
    model = fresh(tiny_bert)
    uniform = model.evaluate(data())["perplexity"]
    before = {weight.path: weight.numpy() for weight in model.backbone.network.weights}
    initial_metrics = model.before_training(model._prepare_run(data(), data(), {}), {}, None, RecordingCallback())
    assert initial_metrics["val_perplexity_before"] < uniform * 0.9
    for weight in model.backbone.network.weights:
        np.testing.assert_array_equal(weight.numpy(), before[weight.path])


@pytest.fixture(scope="module")
def messages():
    """Messages of the training of `whole`."""
    return []


@pytest.fixture(scope="module")
def whole(tiny_bert, messages):
    model, callback = fresh(tiny_bert), RecordingCallback()
    model.fit(data(), validation=data(), callbacks=callback, **FIT)
    messages += callback.messages
    return model


def test_training_lowers_perplexity(whole, messages):
    found = whole.record["metrics"]["validation"]
    assert found["val_perplexity"] < found["val_perplexity_before"] * 0.9
    assert found["val_perplexity"] == pytest.approx(whole.evaluate(data())["perplexity"], rel=1e-5)
    assert whole.history[0]["val_perplexity"] == pytest.approx(np.exp(whole.history[0]["val_loss"]))
    assert [note.split(":")[0] for note in messages[1:]] == ["new head", "perplexity before training"]
    assert "also occur in" in messages[0]


# The first epoch's first steps, the second one, and the third.
@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 2, 15, 25])
def test_resume_changes_nothing(whole, tiny_bert, tmp_path, after):
    steps = -(-len(whole.examples(data())) // FIT["batch_size"])
    assert steps < 15 < 2 * steps < 25 < 3 * steps
    resumed, _, callback = assert_resume_changes_nothing(
        lambda: fresh(tiny_bert),
        lambda model, callback, run: model.fit(data(), validation=data(), callbacks=callback, checkpoints=run, **FIT),
        after,
        tmp_path / "run",
        whole,
    )
    assert resumed.record["metrics"]["validation"]["val_perplexity_before"] == pytest.approx(
        whole.record["metrics"]["validation"]["val_perplexity_before"], rel=1e-6
    )
    assert not any("new head" in note for note in callback.messages)


@pytest.mark.slow
def test_lora_moves_queries_and_values_only(tiny_bert):
    model = fresh(tiny_bert)
    before = {weight.path: weight.numpy() for weight in model.backbone.network.weights}
    model.fit(data(), validation=data(), callbacks=RecordingCallback(), fine_tune="lora:2", **FIT)
    moved = {weight.path for weight in model.backbone.network.weights if np.any(weight != before[weight.path])}
    assert moved
    assert all("query" in path or "value" in path for path in moved)


@pytest.fixture(scope="module")
def folder(whole, tmp_path_factory):
    return whole.save(tmp_path_factory.mktemp("models") / "adapted")


def test_model_folder_is_a_preset_for_other_tasks(folder, tiny_bert):
    adapted, first = load_backbone(tiny_bert).network, tg.load(folder, "float32").backbone.network
    moved = [one.path for one, two in zip(adapted.weights, first.weights, strict=True) if np.any(one != two.numpy())]
    assert "token_embedding/embeddings" in moved
    classifier = tg.TextClassifier(folder, ["a", "b"], "float32")
    np.testing.assert_array_equal(
        classifier.backbone.token_embedding.vectors, first.get_layer("token_embedding").embeddings
    )
    assert set(classifier.predict(TEXTS[:4])) <= {"a", "b"}
    tagger = tg.TokenClassifier(folder, ["a"], "float32")
    assert len(tagger.predict(TEXTS[:2])) == 2


@pytest.mark.slow
def test_second_adaptation_keeps_the_trained_head(folder):
    again, callback = fresh(folder), RecordingCallback()
    perplexity = tg.load(folder, "float32").evaluate(data())["perplexity"]
    assert again.evaluate(data())["perplexity"] == pytest.approx(perplexity, rel=1e-5)
    again.fit(data(), validation=data(), callbacks=callback, **{**FIT, "epochs": 1})
    assert again.record["metrics"]["validation"]["val_perplexity_before"] == pytest.approx(perplexity, rel=1e-5)
    assert not any("new head" in note for note in callback.messages)


def test_predict_returns_the_most_probable_tokens(folder):
    model = tg.load(folder, "float32")
    texts = ["the film was [MASK] , not bad .", "none", "[MASK] film [MASK] good"]
    found = model.predict(texts, top=3)
    assert [[len(mask) for mask in masks] for masks in found] == [[3], [], [3, 3]]
    row = model.tokenize([np.array([texts[0].encode()], object)])
    place = row.ids.tolist().index(model.backbone.mask)
    for token, probability in found[0][0]:
        number = [model.backbone.token(one) for one in range(20)].index(token)
        assert -np.log(probability) == pytest.approx(nats(model, row.ids.tolist(), [place], [number])[0], rel=1e-4)
    assert found[0][0][0].probability > found[0][0][1].probability
    (window,) = model.answers([np.array([text.encode() for text in texts], object)])
    assert window == [[found[0][0][0].token, "", " ".join(mask[0].token for mask in found[2])]]


def test_truncated_mask_is_reported(folder):
    with pytest.warns(UserWarning, match="1 text truncated to 12 tokens"):
        assert tg.load(folder, "float32").predict(["film " * 12 + "[MASK]"]) == [[]]


def test_unsupported_requests_are_reported(bert_backbone, tiny_gpt2, tiny_word_vectors):
    for preset in (tiny_gpt2, tiny_word_vectors):
        with pytest.raises(ConfigError, match=r"has no mask token; choose a preset of .*bert") as error:
            fresh(preset)
        assert "gpt2" not in str(error.value).split("choose a preset of")[1]
    for way in ("none", "last:1"):
        with pytest.raises(ConfigError, match=f"fine_tune {way} .*choose all or lora:R"):
            fresh(bert_backbone).fit(data(), validation=data(), fine_tune=way)
    with pytest.raises(ConfigError, match="sequence_length must be between 3 and"):
        fresh(bert_backbone, sequence_length=2)
    with pytest.raises(ConfigError, match=r"table is \[5, 16\], but bert has \[20, 16\]"):
        fresh(bert_backbone, table=[5, 16])
    with pytest.raises(DataError, match="its 2 texts have no token to predict"):
        fresh(bert_backbone).fit(tg.Dataset.from_lists(["zebra", "[SEP]"]), validation=data())


def test_unknown_tokens_are_reported(bert_backbone):
    examples = fresh(bert_backbone).examples(tg.Dataset.from_lists(["the zebra was good", "gnu film"], source="zoo"))
    assert examples.notices == ("zoo: 2 of 7 tokens are unknown to the vocabulary",)


@pytest.mark.parametrize("family", ["bert", pytest.param("roberta", marks=pytest.mark.slow)])
def test_cleaning_keeps_masks(family):
    cleaning = tg.Cleaning(strip_html=True, normalize_unicode=True, lowercase=True, strip_punctuation=True)
    model = fresh(GOLDEN / family, cleaning=cleaning)
    mask = model.backbone.token(model.backbone.mask)
    dirty, clean = f"<b>A</b> {mask}, {mask}!", f" a  {mask} {mask}"
    (found,) = model.predict([dirty], top=1)
    assert len(found) == 2
    cleaned, plain = (
        one.text_graph.tokenize(one.text_graph.cleaning(tf.constant([text])))
        for one, text in ((model, dirty), (fresh(GOLDEN / family), clean))
    )
    assert cleaned.to_list() == plain.to_list()
