"""The command line of causal models: a corpus to a model folder, and prompts to what comes after them."""

import functools
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.commands import assert_fails, run, run_successfully
from textgraft.backbones.presets import load_backbone
from textgraft.errors import ConfigError
from textgraft.tasks import text_generation
from textgraft.tasks.text_generation import TextGenerator

CORPUS = [f"{number} the cat sat on the mat. the dog ran in the park." for number in range(24)]
FIT = ("--task", "text-generation", "--sequence-length", 16, "--epochs", 1, "--precision", "float32")
FEW = ("--max-new-tokens", 6)


@functools.cache
def generator(preset, *settings, **more):
    return TextGenerator(preset, *settings, **more)


def generated(*arguments, stdin=None):
    """Run `textgraft generate`, which here builds the model of a preset once: tracing its graphs takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_generation, "TextGenerator", generator)
        return run_successfully("generate", *arguments, stdin=stdin)


def lines_of(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def model(tiny_gpt2, tmp_path_factory):
    folder = tmp_path_factory.mktemp("generation")
    (folder / "corpus.txt").write_text("\n\n".join(CORPUS) + "\n")
    # Titles are no labels, although they are all there is beside the text.
    pq.write_table(pa.table({"title": ["a", "b"], "text": CORPUS[:2]}), folder / "test.parquet")
    (folder / "validation.jsonl").write_text(json.dumps({"text": CORPUS[3], "label": None}) + "\n")
    result = run_successfully(
        "train",
        folder / "corpus.txt",
        "--validation",
        folder / "validation.jsonl",
        "--test",
        folder / "test.parquet",
        "--allow-leaks",
        "--preset",
        tiny_gpt2,
        "--out",
        folder / "model",
        *FIT,
    )
    assert "23 empty texts dropped" in result.stderr
    assert "blocks of 16 tokens" in result.stderr
    assert "perplexity" in result.stdout
    return folder / "model"


@pytest.mark.slow
def test_trained_model_predicts_and_generates(model):
    assert "perplexity" in run("info", model).stdout
    result = run_successfully("predict", model, stdin="the cat\n")
    assert result.stdout.startswith("text,completion")
    prompt = "the cat"
    (line,) = lines_of(generated(model, prompt, *FEW, "--json"))
    assert generated(model, prompt, *FEW).stdout == prompt + line["text"] + "\n"


@pytest.mark.slow
def test_prompt_and_completion_columns_are_recognized(model, tiny_gpt2, tmp_path, monkeypatch):
    rows = [{"prompt": f"{number} and", "completion": " more"} for number in range(12)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = json.loads(run_successfully("evaluate", model, tmp_path / "pairs.jsonl", "--json").stdout)
    assert {"perplexity", "loss", "tokens", "texts", "truncated", "seen"} == set(found)
    tokens = load_backbone(tiny_gpt2).tokenize([b" more"]).values.shape[0] + 1
    assert found["tokens"] == 12 * tokens

    def fit(self, data, *_, **__):
        raise ConfigError(f"{len(data)} rows")

    monkeypatch.setattr(TextGenerator, "fit", fit)  # the data alone select the task
    result = run("train", tmp_path / "pairs.jsonl", "--preset", tiny_gpt2, "--out", tmp_path / "model")
    assert_fails(result, 2, "11 rows")


def test_prompts_come_from_arguments_files_and_standard_input(tiny_gpt2, tmp_path):
    prompts = ["the film", "a", "Ünï 漢字"]
    (tmp_path / "prompts.csv").write_text("text\n" + "\n".join(prompts) + "\n")
    sources = [
        (prompts, None),
        (["--file", tmp_path / "prompts.csv"], None),
        ([], "\n".join(prompts) + "\n"),
    ]
    first, *others = [lines_of(generated(tiny_gpt2, *given, *FEW, "--json", stdin=text)) for given, text in sources]
    assert [line["prompt"] for line in first] == prompts
    assert {line["finish"] for line in first} == {"length"}
    assert others == [first] * 2


@pytest.mark.parametrize(
    "way", [("--penalty-alpha", 0.6), pytest.param(("--top-p", 0.9, "--seed", 4), marks=pytest.mark.slow)]
)
def test_stream_prints_the_same_text(tiny_gpt2, way):
    given = (tiny_gpt2, "the film", "a b c", *FEW, *way)
    whole = generated(*given).stdout
    assert generated(*given, "--stream").stdout == whole
    assert whole.startswith("the film")
    assert "\n\na b c" in whole


def test_generation_options_change_the_text(tiny_gpt2):
    ways = [("--temperature", 3), ("--top-k", 9, "--seed", 1)]
    assert len({generated(tiny_gpt2, "the film", *FEW, *way).stdout for way in ways}) == len(ways)
    (line,) = lines_of(generated(tiny_gpt2, "the film", "--max-new-tokens", 12, "--json"))
    stop = line["text"][2:4]
    (stopped,) = lines_of(generated(tiny_gpt2, "the film", "--json", "--stop", "never said", "--stop", stop))
    assert stopped["text"] == line["text"][: line["text"].index(stop)]
    assert stopped["finish"] == "stop"


def test_truncated_prompt_is_reported(tiny_gpt2):
    result = generated(tiny_gpt2, "a", "one two three " * 60, *FEW)
    assert "prompt 2 was truncated: its first" in result.stderr
    assert "prompt 1" not in result.stderr


@pytest.mark.parametrize(
    ("options", "code", "phrases"),
    [
        (["a", "--num-beams", 2, "--stream"], 2, ["beam search"]),
        (["a", "--json", "--stream"], 2, ["drop one"]),
        (["a", "--file", "-"], 2, ["given twice"]),
        (["a", "--top-p", 2], 2, ["top_p"]),
        (["a", "--max-new-tokens", 64], 2, ["at most 63"]),
        (["--file", "absent.txt"], 3, ["no such file"]),
    ],
)
def test_wrong_options_are_reported(tiny_gpt2, options, code, phrases):
    assert_fails(run("generate", tiny_gpt2, *options), code, *phrases)


def test_encoders_and_unusable_corpora_are_reported(tiny_gpt2, tiny_bert, tmp_path):
    assert_fails(run("generate", tiny_bert, "a"), 2, "does not predict the next token", "gpt2", "opt")
    (tmp_path / "one.txt").write_text("one text only\n")
    fit = ("--preset", tiny_gpt2, "--out", tmp_path / "model", *FIT)
    assert_fails(run("train", tmp_path / "one.txt", *fit), 3, "only one text")
    assert_fails(
        run("train", tmp_path / "one.txt", *fit, "--label", "text"),
        2,
        "text-generation does not support label",
    )
