"""Decoding against the reference implementation; see tools/make_generation_golden.py."""

import json
from pathlib import Path

import keras_hub
import numpy as np
import pytest

from tests.generation import prompt_ids
from textgraft.backbones.presets import load_backbone
from textgraft.errors import ConfigError
from textgraft.generation.config import GenerationConfig
from textgraft.generation.generator import Generator
from textgraft.generation.row import END_OF_TEXT, LENGTH, STOP, Row
from textgraft.generation.search import beam_search, contrastive_search, token_by_token

GOLDEN = Path(__file__).parents[1] / "golden"
EXPECTED = json.loads((GOLDEN / "generation.json").read_text())
NEW = 24


@pytest.fixture(scope="module", params=["gpt2", "opt"])
def family(request):
    return request.param


@pytest.fixture(scope="module")
def backbone(family):
    return load_backbone(GOLDEN / family)


@pytest.fixture
def model(backbone):
    """Whatever a test makes the end of a text is undone after it."""
    end = backbone.language_model.end_of_text
    yield backbone.language_model
    backbone.language_model.end_of_text = end


def row_of(backbone, model, text, config, number=0):
    return Row(prompt_ids(backbone, text), model, config, number)


def finished(progress, row):
    for _ in progress:
        pass
    return row


def test_prompts_have_the_references_ids(family, backbone, model):
    config = GenerationConfig(max_new_tokens=NEW)
    for case in EXPECTED[family]:
        assert row_of(backbone, model, case["prompt"], config).prompt.tolist() == case["ids"]


def test_greedy_tokens_equal_the_references(family, backbone, model):
    config = GenerationConfig(max_new_tokens=NEW)
    for case in EXPECTED[family]:
        model.end_of_text = case["end"]
        row = row_of(backbone, model, case["prompt"], config)
        assert finished(token_by_token(model, [row], config), row).tokens == case["greedy"]
        assert row.finish == (LENGTH if len(case["greedy"]) == NEW else END_OF_TEXT)


def test_beams_equal_the_references(family, backbone, model):
    for case in EXPECTED[family]:
        model.end_of_text = case["end"]
        for beams, expected in case["beam"].items():
            config = GenerationConfig(max_new_tokens=NEW, num_beams=int(beams))
            row = row_of(backbone, model, case["prompt"], config)
            assert finished(beam_search(model, row, config), row).tokens == expected


def test_contrastive_tokens_equal_keras_hubs(backbone, model):
    causal = type(model._model)(backbone=backbone._encoder, preprocessor=None)
    config = GenerationConfig(max_new_tokens=NEW, top_k=5, penalty_alpha=0.6)
    row = row_of(backbone, model, "one two three four five six seven", config)
    read, length = len(row.prompt), len(row.prompt) + NEW
    causal.compile(sampler=keras_hub.samplers.ContrastiveSampler(k=5, alpha=0.6))
    ids = np.zeros((1, length + 1), np.int32)  # its sampler looks one further
    ids[0, :read] = row.prompt
    mask = np.arange(length + 1)[np.newaxis] < read
    expected = causal.generate_step({"token_ids": ids, "padding_mask": mask})["token_ids"]
    found = finished(contrastive_search(model, row, config), row).tokens
    assert found == np.array(expected)[0, read:length].tolist()


WAYS = [
    GenerationConfig(max_new_tokens=NEW),
    GenerationConfig(max_new_tokens=NEW, temperature=0.9, top_k=40, top_p=0.95, seed=3),
    GenerationConfig(max_new_tokens=NEW, num_beams=3),
    GenerationConfig(max_new_tokens=NEW, penalty_alpha=0.6),
]
TEXTS = ["The film", "", "a", "one two three four five six seven", "Ünï 漢字 🙂 and so", "b", "c c", "d d d d", "e"]


@pytest.mark.parametrize("config", WAYS, ids=["greedy", "drawn", "beams", "contrastive"])
def test_a_batch_gives_what_one_by_one_gives(backbone, model, config):
    prompts = [prompt_ids(backbone, text) for text in TEXTS]
    together = Generator(model).generate(prompts, config)
    if config.warmth:  # the draws of a prompt go by its number
        alone = [Generator(model).stream(prompt, config, number) for number, prompt in enumerate(prompts)]
        for stream in alone:
            list(stream)
        assert together == [stream.continuation for stream in alone]
    else:
        assert together == [Generator(model).generate([prompt], config)[0] for prompt in prompts]


def test_rows_that_end_leave_the_others_alone(backbone, model):
    prompts = [prompt_ids(backbone, text) for text in TEXTS if text]
    config = GenerationConfig(max_new_tokens=NEW)
    whole = Generator(model).generate(prompts, config)
    row = row_of(backbone, model, TEXTS[0], config)
    model.end_of_text = finished(token_by_token(model, [row], config), row).tokens[5]
    ended = Generator(model).generate(prompts, config)
    assert {one.finish for one in ended} == {END_OF_TEXT, LENGTH}
    for before, after in zip(whole, ended, strict=True):
        assert before.text.startswith(after.text.rstrip("\ufffd"))


def test_a_stream_is_what_generate_gives(backbone, model):
    for config in (WAYS[0], WAYS[1], WAYS[3]):
        prompts = [prompt_ids(backbone, text) for text in TEXTS[:4]]
        for number, expected in enumerate(Generator(model).generate(prompts, config)):
            stream = Generator(model).stream(prompts[number], config, number)
            assert "".join(stream) == expected.text
            assert stream.continuation == expected


def test_beams_cannot_stream(backbone, model):
    with pytest.raises(ConfigError, match="only at the end"):
        Generator(model).stream(prompt_ids(backbone, "a"), WAYS[2])


def test_seeds(backbone, model):
    def texts(seed):
        config = GenerationConfig(max_new_tokens=NEW, temperature=1.0, seed=seed)
        return [one.text for one in Generator(model).generate([prompt_ids(backbone, "a")] * 3, config)]

    assert texts(1) == texts(1)
    assert len(set(texts(1) + texts(2))) == 6


@pytest.mark.parametrize("config", WAYS, ids=["greedy", "drawn", "beams", "contrastive"])
def test_a_text_ends_before_a_stop_string_that_spans_tokens(backbone, model, config):
    prompt = prompt_ids(backbone, "The film")
    whole = Generator(model).generate([prompt], config)[0].text
    stop = whole[4:9]
    assert len(stop) == 5
    stopped = GenerationConfig(**{**vars(config), "stop": ("never said", stop)})
    found = Generator(model).generate([prompt], stopped)[0]
    assert stop not in found.text
    if config.num_beams == 1:
        assert (found.text, found.finish) == (whole[: whole.index(stop)], STOP)


def test_a_long_prompt_is_cut_at_its_beginning(backbone, model):
    ids = prompt_ids(backbone, "one two three four five six seven " * 12)
    config = GenerationConfig(max_new_tokens=NEW)
    kept = model.context - NEW - (model.start is not None)
    cut, alone = (Generator(model).generate([rows], config)[0] for rows in (ids, ids[-kept:]))
    assert cut.cut == len(ids) - kept > 0
    assert (cut.text, alone.cut) == (alone.text, 0)


def test_no_room_for_a_prompt_is_one_line(backbone, model):
    with pytest.raises(ConfigError, match="at most 63"):
        Generator(model).generate([prompt_ids(backbone, "a")], GenerationConfig(max_new_tokens=64))


def test_the_whole_context_can_be_used(backbone, model):
    for config in (GenerationConfig(max_new_tokens=62), GenerationConfig(max_new_tokens=62, penalty_alpha=0.5)):
        (found,) = Generator(model).generate([prompt_ids(backbone, "one two three four")], config)
        assert (found.tokens, found.finish) == (62, LENGTH)
