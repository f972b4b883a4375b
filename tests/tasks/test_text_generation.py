"""Training of causal models, and generation."""

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.helpers.resuming import RecordingCallback, assert_resume_changes_nothing
from textgraft.errors import ConfigError, DataError
from textgraft.generation.config import GenerationConfig
from textgraft.text.cleaning import Cleaning
from textgraft.training.corpus import IGNORED_TARGET
from textgraft.training.token_ids import TruncationCount

DOCUMENTS = [f"{number} the cat sat on the mat. the dog ran in the park." for number in range(24)]
PROMPTS = [f"{number}: one two" for number in range(12)]
COMPLETIONS = [" three four.", " is a number", ""] * 4
FIT = {"epochs": 3, "batch_size": 4, "learning_rate": 3e-3}


@pytest.fixture(params=["tiny_gpt2", pytest.param("tiny_opt", marks=pytest.mark.slow)])
def preset(request):
    return request.getfixturevalue(request.param)


def fresh(preset, **architecture):
    return tg.TextGenerator(preset, precision="float32", **{"sequence_length": 16, **architecture})


def documents():
    return tg.Dataset.from_lists(DOCUMENTS)


def pairs():
    return tg.Dataset.from_lists(PROMPTS, pairs=COMPLETIONS)


def nats(model, ids):
    """The loss of each token of a row after the first, from the logits of the plain model."""
    ids = np.array([ids])
    inputs = {"token_ids": ids[:, :-1], "padding_mask": np.ones_like(ids[:, :-1])}
    logits = model.model(inputs).numpy()[0].astype(np.float64)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    return -np.log(shares[np.arange(len(shares)), ids[0, 1:]])


def ids_of(model, text):
    return model.backbone.tokenize(tf.constant([text.encode()])).values.numpy().tolist()


def test_perplexity_equals_that_of_the_plain_model(preset):
    model = fresh(preset)
    stop = model.backbone.special_tokens.end_of_text
    tokens = [stop]
    for text in DOCUMENTS[:6]:
        tokens += [*ids_of(model, text), stop]
    losses = [nats(model, tokens[start : start + 17]) for start in range(0, len(tokens) - 1, 16)]
    found = model.evaluate(tg.Dataset.from_lists(DOCUMENTS[:6]))
    assert found["tokens"] == len(tokens) - 1 == sum(map(len, losses))
    assert found["texts"] == 6
    assert found["loss"] == pytest.approx(np.concatenate(losses).mean(), rel=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(np.concatenate(losses).mean()), rel=1e-4)
    assert found["truncated"] == {"texts": 0, "tokens": 0}


def test_loss_covers_completions_only(preset):
    model = fresh(preset, sequence_length=32)
    special = model.backbone.special_tokens
    start = [] if special.start is None else [special.start]
    losses = []
    for prompt, completion in zip(PROMPTS[:3], COMPLETIONS[:3], strict=True):
        asked, answered = [*start, *ids_of(model, prompt)], [*ids_of(model, completion), special.end_of_text]
        losses.append(nats(model, [*asked, *answered])[len(asked) - 1 :])
    found = model.evaluate(tg.Dataset.from_lists(PROMPTS[:3], pairs=COMPLETIONS[:3]))
    assert found["tokens"] == sum(map(len, losses))
    assert found["loss"] == pytest.approx(np.concatenate(losses).mean(), rel=1e-5)


def test_only_targets_have_gradients(tiny_gpt2):
    model = fresh(tiny_gpt2, sequence_length=32)
    examples = model.examples(pairs())
    rows, targets = examples.batch(np.arange(4))
    vectors = model.forward(rows)
    with tf.GradientTape() as tape:
        tape.watch(vectors.values)
        loss = tf.reduce_sum(model.objective.loss(targets, vectors))
    moved = np.abs(tape.gradient(loss, vectors.values).numpy()).max(1) > 0
    np.testing.assert_array_equal(moved, targets.values.numpy() != IGNORED_TARGET)
    assert 0 < moved.sum() < len(moved)


@pytest.fixture(scope="module")
def trained(tiny_gpt2):
    model = fresh(tiny_gpt2)
    model.fit(documents(), validation=documents(), callbacks=RecordingCallback(), **FIT)
    return model


def test_training_lowers_perplexity(trained):
    metrics, history = trained.record["metrics"]["validation"], trained.history
    after = trained.evaluate(documents())["perplexity"]
    assert after < metrics["val_perplexity_before"] / 4
    assert [record["val_perplexity"] for record in history] == pytest.approx(
        [np.exp(record["val_loss"]) for record in history]
    )
    assert history[trained.record["fit"]["best_epoch"] - 1]["val_perplexity"] == pytest.approx(after, rel=1e-4)


@pytest.mark.slow
def test_epoch_of_the_lowest_perplexity_is_kept(tiny_gpt2):
    others = tg.Dataset.from_lists(["ein ganz anderer Text", "und noch einer, ganz anders"])
    model = fresh(tiny_gpt2)
    history = model.fit(
        documents(),
        validation=others,
        callbacks=RecordingCallback(),
        **{**FIT, "epochs": 12, "learning_rate": 2e-2, "patience": 2},
    )
    found = [record["val_perplexity"] for record in history.records]
    assert history.best_epoch == 1 + int(np.argmin(found))
    assert len(found) < 12
    assert model.evaluate(others)["perplexity"] == pytest.approx(min(found), rel=1e-4)


@pytest.mark.parametrize(
    ("data", "fine_tune"),
    [(documents, "all"), (pairs, "last:1"), (pairs, "all"), (documents, "last:1"), (documents, "lora:2")],
)
@pytest.mark.slow
def test_resume_changes_nothing(tiny_gpt2, tmp_path, fine_tune, data):
    steps = -(-len(fresh(tiny_gpt2).examples(data())) // FIT["batch_size"])
    assert_resume_changes_nothing(
        lambda: fresh(tiny_gpt2),
        lambda model, callback, run: model.fit(
            data(), validation=data(), callbacks=callback, checkpoints=run, fine_tune=fine_tune, **FIT
        ),
        after=steps + 1,
        folder=tmp_path / "run",
    )


@pytest.mark.slow
def test_last_blocks_keep_the_token_table(tiny_gpt2):
    model = fresh(tiny_gpt2)
    before = {name: weight.numpy() for name, weight in model.weights.items()}
    model.fit(documents(), validation=documents(), callbacks=RecordingCallback(), fine_tune="last:1", **FIT)
    moved = {name for name, weight in model.weights.items() if not np.array_equal(weight.numpy(), before[name])}
    assert moved
    assert all("transformer_layer_1" in name or "layer_norm" in name for name in moved)
    assert not any("embedding" in name for name in moved)


@pytest.mark.slow
def test_accumulated_gradients_equal_one_step(tiny_gpt2):
    fit = {**FIT, "epochs": 1}
    found = [
        fresh(tiny_gpt2)
        .fit(documents(), validation=documents(), callbacks=RecordingCallback(), batch_tokens=tokens, **fit)
        .records[0]["loss"]
        for tokens in (10_000, 16)
    ]
    assert found[0] == pytest.approx(found[1], rel=0.05)  # but for dropout


def test_batch_tokens_are_limited_by_logits(tiny_gpt2):
    model = fresh(tiny_gpt2)
    assert model.training_config({}).batch_tokens == model.backbone.training_defaults.batch_tokens
    assert model.training_config({"batch_tokens": 7}).batch_tokens == 7
    model._vocabulary_rows = 2**20
    assert model.training_config({}).batch_tokens == 64


@pytest.mark.parametrize("fit", [{"fine_tune": "none"}, {"gradual_unfreezing": True}])
def test_training_the_head_alone_is_reported(tiny_gpt2, fit):
    with pytest.raises(ConfigError, match="no head to train alone"):
        fresh(tiny_gpt2).fit(documents(), validation=documents(), callbacks=RecordingCallback(), **fit)


def test_backbone_that_is_not_causal_is_reported(tiny_bert):
    with pytest.raises(ConfigError, match="does not predict the next token; choose a preset of"):
        tg.TextGenerator(tiny_bert)


def test_loaded_model_generates_the_same(trained, tmp_path):
    model = trained
    found = model.evaluate(documents(), store=True)
    model.save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model", precision="float32")
    assert loaded.evaluate(documents()) == found
    config = {"top_k": 5, "max_new_tokens": 6}
    assert loaded.generate(["the cat"], **config) == model.generate(["the cat"], **config)
    assert "perplexity" in (tmp_path / "model" / "README.md").read_text()
    again = tg.TextGenerator(tmp_path / "model", precision="float32")
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(again.weights[name].numpy(), weight.numpy(), err_msg=name)


@pytest.mark.slow
def test_prompts_are_cleaned(tiny_gpt2):
    model = fresh(tiny_gpt2, cleaning=Cleaning(lowercase=True))
    assert model.generate(["THE CAT", "the cat"])[0] == model.generate(["the cat"])[0]
    shouted = tg.Dataset.from_lists([text.upper() for text in DOCUMENTS])
    assert model.evaluate(shouted)["loss"] == pytest.approx(model.evaluate(documents())["loss"])


@pytest.mark.slow
def test_truncated_prompt_is_reported(tiny_gpt2):
    model, long = fresh(tiny_gpt2), "one two three " * 60
    with pytest.warns(UserWarning, match=r"1 prompts were truncated at their beginning .* tokens dropped"):
        model.generate(["a", long], max_new_tokens=4)
    truncated = TruncationCount()
    ((answers,),) = model.answers([np.array([b"a", long.encode()], object)], truncated)
    assert len(answers) == 2
    assert truncated.texts == 1
    assert truncated.tokens == len(ids_of(model, long)) - 32


def test_batches_of_prompts_equal_single_prompts(tiny_gpt2):
    model = fresh(tiny_gpt2)
    prompts = [f"{number} the" for number in range(70)]
    config = GenerationConfig(max_new_tokens=2, top_k=10)
    found = list(model.continuations(prompts, config))
    for number in (0, 63, 64, 69):
        stream = model.stream(prompts[number], config, number)
        assert "".join(stream) == found[number].text


def test_invalid_arguments_are_reported(tiny_gpt2):
    with pytest.raises(ConfigError, match=r"generate: .*tokens"):
        fresh(tiny_gpt2).generate(["the cat"], tokens=3)
    with pytest.raises(DataError, match="half of a surrogate"):
        fresh(tiny_gpt2).generate(["\ud800"])
