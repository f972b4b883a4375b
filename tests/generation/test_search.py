"""Search strategies equal Hugging Face transformers and KerasHub; see tools/make_generation_golden.py."""

import json
from dataclasses import replace
from pathlib import Path

import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from textgraft.backbones.language_model import Cache
from textgraft.backbones.presets import load_backbone
from textgraft.errors import ConfigError
from textgraft.generation.config import GenerationConfig
from textgraft.generation.generator import Generator
from textgraft.generation.row import END_OF_TEXT, LENGTH, STOP, DecodingRow
from textgraft.generation.search import beam_search, contrastive_search, greedy_or_sampled

GOLDEN = Path(__file__).parents[1] / "golden"
EXPECTED = json.loads((GOLDEN / "generation.json").read_text())
NEW = 24
GREEDY = GenerationConfig(max_new_tokens=NEW)
SAMPLED = GenerationConfig(max_new_tokens=NEW, temperature=0.9, top_k=40, top_p=0.95, seed=3)
BEAMS = GenerationConfig(max_new_tokens=NEW, num_beams=3)
CONTRASTIVE = GenerationConfig(max_new_tokens=NEW, penalty_alpha=0.6)
TEXTS = ["The film", "", "a", "one two three four five six seven", "Ünï 漢字 🙂 and so", "b", "c c", "d d d d", "e"]

every_strategy = pytest.mark.parametrize(
    "config", [GREEDY, SAMPLED, BEAMS, CONTRASTIVE], ids=["greedy", "sampled", "beams", "contrastive"]
)


@pytest.fixture(scope="module", params=["gpt2", pytest.param("opt", marks=pytest.mark.slow)])
def family(request):
    return request.param


@pytest.fixture(scope="module")
def backbone(family):
    return load_backbone(GOLDEN / family)


@pytest.fixture
def model(backbone):
    """The language model, whose end-of-text token is restored after the test."""
    end = backbone.language_model.end_of_text
    yield backbone.language_model
    backbone.language_model.end_of_text = end


@pytest.fixture(scope="module")
def prompt_ids(backbone):
    """Token ids of a text, without the model's start token."""
    return lambda text: backbone.tokenize(tf.constant([text.encode()])).values.numpy()


@pytest.fixture
def row_of(prompt_ids, model):
    return lambda text, config: DecodingRow(prompt_ids(text), model, config, 0)


def tokens_of(search, row):
    for _ in search:
        pass
    return row.tokens


def test_prompts_have_the_ids_of_transformers(family, row_of):
    assert [row_of(case["prompt"], GREEDY).prompt.tolist() for case in EXPECTED[family]] == [
        case["ids"] for case in EXPECTED[family]
    ]


def test_greedy_search_equals_transformers(family, model, row_of):
    for case in EXPECTED[family]:
        model.end_of_text = case["end"]
        row = row_of(case["prompt"], GREEDY)
        assert tokens_of(greedy_or_sampled(model, [row], GREEDY), row) == case["greedy"]
        assert row.finish == (LENGTH if len(case["greedy"]) == NEW else END_OF_TEXT)


@pytest.mark.parametrize("num_beams", [2, 3, 5])
def test_beam_search_equals_transformers(family, model, row_of, num_beams):
    config = replace(GREEDY, num_beams=num_beams)
    for case in EXPECTED[family]:
        model.end_of_text = case["end"]
        row = row_of(case["prompt"], config)
        assert tokens_of(beam_search(model, row, config), row) == case["beam"][str(num_beams)]


@pytest.mark.slow
def test_contrastive_search_equals_keras_hub(backbone, model, row_of):
    causal = type(model._model)(backbone=backbone._encoder, preprocessor=None)
    config = replace(CONTRASTIVE, top_k=5)
    row = row_of("one two three four five six seven", config)
    prompt_length, length = len(row.prompt), len(row.prompt) + NEW
    causal.compile(sampler=keras_hub.samplers.ContrastiveSampler(k=5, alpha=0.6))
    ids = np.zeros((1, length + 1), np.int32)  # KerasHub's sampler reads one token ahead
    ids[0, :prompt_length] = row.prompt
    mask = np.arange(length + 1)[np.newaxis] < prompt_length
    expected = causal.generate_step({"token_ids": ids, "padding_mask": mask})["token_ids"]
    tokens = tokens_of(contrastive_search(model, row, config), row)
    assert tokens == np.array(expected)[0, prompt_length:length].tolist()


@every_strategy
def test_continuation_does_not_depend_on_the_batch(model, prompt_ids, config):
    is_batched = config in (GREEDY, SAMPLED)  # the other strategies process one row at a time
    prompts = [prompt_ids(text) for text in (TEXTS if is_batched else TEXTS[:3])]
    together = Generator(model).generate(prompts, config)
    alone = [Generator(model).generate([prompt], config, index)[0] for index, prompt in enumerate(prompts)]
    assert together == alone


def test_finished_rows_do_not_change_the_others(model, prompt_ids, row_of):
    prompts = [prompt_ids(text) for text in TEXTS if text]
    complete = Generator(model).generate(prompts, GREEDY)
    row = row_of(TEXTS[0], GREEDY)
    model.end_of_text = tokens_of(greedy_or_sampled(model, [row], GREEDY), row)[5]
    shortened = Generator(model).generate(prompts, GREEDY)
    assert {continuation.finish for continuation in shortened} == {END_OF_TEXT, LENGTH}
    for before, after in zip(complete, shortened, strict=True):
        assert before.text.startswith(after.text.rstrip("\ufffd"))


@pytest.mark.parametrize("config", [GREEDY, SAMPLED, CONTRASTIVE], ids=["greedy", "sampled", "contrastive"])
def test_stream_equals_generate(model, prompt_ids, config):
    prompts = [prompt_ids(text) for text in TEXTS[:4]]
    for index, expected in enumerate(Generator(model).generate(prompts, config)):
        stream = Generator(model).stream(prompts[index], config, index)
        assert "".join(stream) == expected.text
        assert stream.continuation == expected


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("config", [BEAMS, CONTRASTIVE], ids=["beams", "contrastive"])
def test_certain_tokens_and_vectors_of_zeros_are_searched(model, prompt_ids, config, monkeypatch):
    append = Cache.append

    def extreme(cache, ids):
        logits, vectors = append(cache, ids)
        return 1e4 * logits, 0 * vectors

    monkeypatch.setattr(Cache, "append", extreme)
    greedy, other = (Generator(model).generate([prompt_ids("a")], way)[0] for way in (GREEDY, config))
    assert other.text == greedy.text


def test_beam_search_cannot_stream(model, prompt_ids):
    with pytest.raises(ConfigError, match="only at the end"):
        Generator(model).stream(prompt_ids("a"), BEAMS)


def test_seeds_and_prompts_have_their_own_random_numbers(model, prompt_ids):
    def sample(seed):
        config = GenerationConfig(max_new_tokens=NEW, temperature=1.0, seed=seed)
        return [continuation.text for continuation in Generator(model).generate([prompt_ids("a")] * 3, config)]

    texts = sample(1)
    assert sample(1) == texts
    assert len(set(texts + sample(2))) == 6


@every_strategy
def test_text_ends_before_a_stop_string_that_spans_tokens(model, prompt_ids, config):
    prompt = prompt_ids("The film")
    complete = Generator(model).generate([prompt], config)[0].text
    stop = complete[4:9]
    assert len(stop) == 5
    stopped = Generator(model).generate([prompt], replace(config, stop=("never generated", stop)))[0]
    assert stop not in stopped.text
    if config.num_beams == 1:
        assert (stopped.text, stopped.finish) == (complete[: complete.index(stop)], STOP)


def test_long_prompt_is_truncated_at_its_start(model, prompt_ids):
    ids = prompt_ids("one two three four five six seven " * 12)
    max_ids = model.max_sequence_length - NEW - (model.start is not None)
    truncated, short = (Generator(model).generate([prompt], GREEDY)[0] for prompt in (ids, ids[-max_ids:]))
    assert truncated.dropped_prompt_tokens == len(ids) - max_ids > 0
    assert (truncated.text, short.dropped_prompt_tokens) == (short.text, 0)


def test_max_new_tokens_without_space_for_a_prompt_are_refused(model, prompt_ids):
    with pytest.raises(ConfigError, match="at most 63"):
        Generator(model).generate([prompt_ids("a")], GenerationConfig(max_new_tokens=64))


@pytest.mark.parametrize("penalty_alpha", [0, 0.5])
def test_generation_can_fill_the_context(model, prompt_ids, penalty_alpha):
    config = GenerationConfig(max_new_tokens=62, penalty_alpha=penalty_alpha)
    (continuation,) = Generator(model).generate([prompt_ids("one two three four")], config)
    assert (continuation.tokens, continuation.finish) == (62, LENGTH)
