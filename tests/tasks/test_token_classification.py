"""Named entities, on tiny networks with random weights."""

import itertools
import json

import numpy as np
import pytest

import textgraft as tg
from tests.golden.texts import SHORT
from tests.helpers.families import TRANSFORMERS
from tests.helpers.paths import GOLDEN
from tests.helpers.resuming import RecordingCallback, assert_resume_changes_nothing
from textgraft.data.annotations import TaggedText
from textgraft.errors import ConfigError, DataError
from textgraft.task_specs.token_classification import TokenClassificationSpec
from textgraft.tasks.word_rows import AlignmentCount, WordRows, align_spans
from textgraft.text.cleaning import Cleaning
from tokenizers import Tokenizer, pre_tokenizers

FIT = {"epochs": 3, "batch_size": 4, "learning_rate": 1e-2, "keep_reference": 0}
WORDS = [text.split() for text in ("the film was good", "a dull plot .", "very bad film , it was dull", "plot")] * 6
TAGS = [["B-X" if word in {"film", "plot"} else "O" for word in words] for words in WORDS]
TAGS[2::4] = [["B-Y", "I-Y", "B-X", "O", "O", "O", "O"]] * 6
# Families of one kind of tokenizer, of which one is enough for the plain test run.
ALIKE = {"distil_bert", "electra", "gpt2", "opt", "albert", "bert_sentence_piece", "deberta_v3"}
FAMILIES = [pytest.param(name, marks=pytest.mark.slow if name in ALIKE else ()) for name in TRANSFORMERS]


def data():
    return tg.TaggedDataset.from_lists(WORDS, TAGS)


def fresh(preset, **settings):
    return tg.TokenClassifier(preset, ["X", "Y"], precision="float32", **{"splitting": "edges", **settings})


@pytest.fixture(scope="module")
def trained(tiny_bert):
    model = fresh(tiny_bert, dropout=0)
    model.fit(data(), validation=data(), callbacks=RecordingCallback(), **{**FIT, "epochs": 20})
    return model


def test_training_finds_the_entities(trained):
    found = trained.evaluate(data())
    assert found["f1"] == 1.0
    (entities,) = trained.predict(["very bad film , it was dull"])
    assert [(one.text, one.label, one.start, one.end) for one in entities] == [
        ("very bad", "Y", 0, 8),
        ("film", "X", 9, 13),
    ]
    assert all(0.5 < one.score <= 1 for one in entities)


@pytest.mark.parametrize(
    "fine_tune",
    ["last:1", *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("all", "none", "lora:2"))],
)
@pytest.mark.slow
def test_every_fine_tuning_mode_lowers_the_loss(fine_tune):
    model = fresh(GOLDEN / "bert", dropout=0)
    history = model.fit(data(), validation=data(), callbacks=RecordingCallback(), fine_tune=fine_tune, **FIT)
    assert history.records[-1]["loss"] < history.records[0]["loss"]
    trained, total = model.fine_tuning(fine_tune=fine_tune).parameter_counts()
    assert trained < total or fine_tune == "all"


def test_word_vectors_get_convolutions(tiny_word_vectors):
    model = fresh(tiny_word_vectors, dropout=0)
    assert model.settings()["convolution"]
    model.fit(data(), validation=data(), callbacks=RecordingCallback(), **{**FIT, "epochs": 20})
    assert model.evaluate(data())["f1"] == 1.0


@pytest.mark.parametrize("preset", ["tiny_bert", "tiny_word_vectors"])
def test_padding_and_batch_mates_have_no_effect(preset, request):
    model = fresh(request.getfixturevalue(preset))
    texts = ["the film", "a dull plot , not very good , it was bad . the film was bad , the plot was dull .", ""]
    together = next(model.outputs([np.array([text.encode() for text in texts], object)]))
    first = 0
    for text, length in zip(texts, together.lengths, strict=True):
        alone = next(model.outputs([np.array([text.encode()], object)]))
        np.testing.assert_allclose(alone.values, together.values[first : first + length], atol=1e-5)
        first += length


@pytest.mark.parametrize("preset", ["tiny_word_vectors", pytest.param("tiny_bert", marks=pytest.mark.slow)])
def test_resume_changes_nothing(request, preset, tmp_path):
    assert_resume_changes_nothing(
        lambda: fresh(request.getfixturevalue(preset)),
        lambda model, callback, run: model.fit(data(), validation=data(), callbacks=callback, checkpoints=run, **FIT),
        after=8,
        folder=tmp_path / "run",
    )


def test_long_text_is_not_truncated(tiny_bert):
    """Rows of 16 tokens: each word is seen with others around it, and none is dropped."""
    short, long = fresh(tiny_bert, sequence_length=16), fresh(tiny_bert, sequence_length=64)
    words = [["the", "film", "was", "good"] * 12]
    tags = [["O", "B-X", "O", "O"] * 12]
    one = tg.TaggedDataset.from_lists(words, tags)
    rows = short.examples(one)
    assert len(rows) > 1
    assert int(rows.lengths.max()) == 16
    assert rows.weights.sum() == 48
    np.testing.assert_array_equal(rows.targets.values, [0, 1, 0, 0] * 12)
    assert len(long.examples(one)) == 1
    short.fit(one, validation=one, callbacks=RecordingCallback(), **{**FIT, "epochs": 20})
    (entities,) = short.predict([" ".join(words[0])])
    assert [found.text for found in entities] == ["film"] * 12
    assert [found.start for found in entities] == [4 + 18 * number for number in range(12)]


# === Alignment ===


def rows_of(folder, splitting="edges"):
    backbone = tg.TextEmbedder(folder, "float32").backbone
    return backbone, WordRows(backbone, Cleaning(), None, splitting)


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_of_words_equal_the_reference(family, request):
    """`tokenizers` with words that are given: the same ids, and each word's first piece at its position."""
    folder = GOLDEN / family
    backbone, rows = rows_of(folder)
    reference = Tokenizer.from_file(str(folder / "tokenizer.json"))
    reference.no_padding()
    reference.no_truncation()
    if isinstance(reference.pre_tokenizer, pre_tokenizers.ByteLevel):
        reference.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    # Of one letter a hundred times, several ways to cut are equally probable (docs/guide/presets.md).
    plain = [text for text in SHORT if text.isascii() and text.strip() and "\0" not in text and "xxx" not in text]
    split = [text.split() for text in plain]
    texts = [*tg.TaggedDataset.from_lists(split, [["O"] * len(words) for words in split])]
    words = rows.words(texts)
    found, first = rows.inputs([words]), 0
    spelled = words.words.tolist()
    for row, length in enumerate(words.lengths.tolist()):
        tokens = [spelled[first + number].decode() for number in range(length)]
        expected = reference.encode(tokens, is_pretokenized=True)
        ids = found.tokens.batch(np.array([row])).to_list()[0]
        positions = found.positions[np.array([row])].values.tolist()
        assert ids == expected.ids, tokens
        firsts = [expected.word_ids.index(number) for number in range(length)]
        assert positions == firsts
        first += length
    assert first == len(spelled)
    assert backbone.family == family


def test_offsets_of_odd_texts(bert_backbone):
    """Whatever a text holds, an entity's offsets cut the entity's text out of it, and borders are those of words."""
    random = np.random.Generator(np.random.PCG64(0))
    pieces = [
        "film", "Café", "e\u0301", "\u200b", "\U0001f468\u200d\U0001f469", "\u6771\u4eac", " ", "  ", "\t", "\n", ".",
        "\u00a0", "İ", "ß", "\u0e01\u0e33", "[SEP]", "&amp;", "\u202e", "\ufeff", "x" * 120, "'s", "\u0301", "-", "\r",
    ]  # fmt: skip
    texts = ["".join(random.choice(pieces, size=random.integers(0, 12))) for _ in range(4_000)]
    model = fresh(bert_backbone, splitting="signs", decoding="free")
    found = 0
    for text, entities in zip(texts, model.predict(texts), strict=True):
        for one in entities:
            assert text[one.start : one.end] == one.text
            assert one.text.strip() == one.text
            found += 1
        assert all(one.end <= other.start for one, other in itertools.pairwise(entities))
    assert found > 2_000


def test_spans_within_words_are_widened(tiny_word_vectors):
    _, rows = rows_of(tiny_word_vectors, "edges")
    text = "the film-plot was very good"
    spans = [(4, 8, "X"), (9, 13, "X"), (18, 22, "X"), (22, 23, "X")]
    data = tg.TaggedDataset.from_lists([text], [spans])
    count = AlignmentCount()
    words = rows.words([*data])
    alignment = align_spans([*data], words, count)
    tags = alignment.tags(words.lengths, {"X": 0})
    assert tags.tolist() == [0, 1, 0, 1, 0]
    assert (count.spans, count.widened, count.dropped) == (3, 1, 1)
    assert len(count.notices("there")) == 2
    notes = RecordingCallback()
    model = fresh(tiny_word_vectors)
    model.fit(data, validation=data, callbacks=notes, epochs=1)
    cut = "1 of 3 labelled spans start or end within a word"
    assert any(cut in notice for notice in model.plan(data, validation=data, epochs=1).notices)
    assert any(cut in note for note in notes.messages)


def test_score_does_not_depend_on_white_space_and_cut_words(trained):
    """Of the same spans with spaces at their ends, and cut within words, the model finds all."""
    clean = list(data())[:8]
    texts, entities = [row.text for row in clean], [row.spans for row in clean]
    padded = [
        [(span.start - (span.start > 0), min(span.end + 1, len(text)), span.label) for span in spans]
        for text, spans in zip(texts, entities, strict=True)
    ]
    cut = [[(span.start, span.end - 1, span.label) for span in spans] for spans in entities]
    for labels, widened in ((entities, 0), (padded, 0), (cut, sum(map(len, cut)))):
        metrics = trained.evaluate(tg.TaggedDataset.from_lists(texts, labels, offsets="characters"))
        assert metrics["f1"] == 1.0
        assert metrics["alignment"]["widened"] == widened


def test_splitting_by_signs_needs_no_widening(tiny_bert):
    _, rows = rows_of(tiny_bert, "signs")
    data = tg.TaggedDataset.from_lists(["the film-plot was"], [[(4, 8, "X"), (9, 13, "X")]])
    count = AlignmentCount()
    words = rows.words([*data])
    assert align_spans([*data], words, count).tags(words.lengths, {"X": 0}).tolist() == [0, 1, 0, 1, 0]
    assert (count.widened, count.dropped) == (0, 0)


@pytest.mark.parametrize(
    ("words", "running_text"),
    [
        ([*"王小明住在北京。"], "王小明住在北京。"),
        ([*"2020年", "A"], "2020年A"),
        (["北京", "好", "iPhone"], "北京好iPhone"),
    ],
)
def test_running_text_is_split_as_the_words_of_training(tiny_word_vectors, words, running_text):
    """In scripts without spaces: given words and running text give the same words at the same offsets."""
    data = tg.TaggedDataset.from_lists([words], [["O", "B-X", *["O"] * (len(words) - 2)]])
    _, rows = rows_of(tiny_word_vectors, TokenClassificationSpec().settings_from(data)["splitting"])
    given, found = rows.words([*data]), rows.words([TaggedText(running_text, None, [])])
    assert [part.tolist() for part in given] == [part.tolist() for part in found]


def test_entities_of_given_words_are_whole_words(word_vectors_backbone):
    """Also of words that are split into characters."""
    words = [["北京大学", "在", "北京", "film"] * 20]
    model = fresh(word_vectors_backbone, decoding="free")
    (row,) = tg.TaggedDataset.from_lists(words, [["O"] * 80])
    logits = model.word_logits([row], model.word_rows.words([row]))
    logits.values[:] = np.random.default_rng(0).normal(size=logits.values.shape)
    (entities,) = model._decode([row], model.word_rows.words([row]), logits)
    starts, ends = ({word[side] for word in row.words} for side in (0, 1))
    assert len(entities) > 20
    assert all(entity.start in starts and entity.end in ends for entity in entities)
    assert all(entity.text == row.text[entity.start : entity.end] for entity in entities)
    assert all(first.end <= second.start for first, second in itertools.pairwise(entities))


# === Decoding, bad input, folders ===


def test_constrained_decoding_starts_every_span(bert_backbone):
    free, bound = fresh(bert_backbone, decoding="free"), fresh(bert_backbone)
    logits = next(free.outputs([np.array([b"the film was good . it was a very dull plot"], object)]))
    logits.values[:] = 0
    logits.values[3, 2] = 5  # within X, after nothing
    assert free.objective.tags(logits)[3] == 2
    assert bound.objective.tags(logits)[3] != 2 or bound.objective.tags(logits)[2] in (1, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"splitting": "odd"}, "splitting 'odd' is unknown"),
        ({"decoding": "odd"}, "decoding 'odd' is unknown"),
        ({"cleaning": Cleaning(strip_html=True)}, "strip_html removes words"),
    ],
)
def test_invalid_option_is_reported(bert_backbone, settings, message):
    with pytest.raises(ConfigError, match=message):
        fresh(bert_backbone, **settings)


def test_invalid_labels_are_reported(bert_backbone):
    for labels in ([], ["X", "X"], "X"):
        with pytest.raises(ConfigError, match="labels must be at least one string"):
            tg.TokenClassifier(bert_backbone, labels)
    with pytest.raises(ConfigError, match="one vector per text"):
        fresh(bert_backbone).fit(data(), validation=data(), fine_tune="none", head="logistic")
    with pytest.raises(DataError, match="unknown label 'Y'; expected one of: X"):
        tg.TokenClassifier(bert_backbone, ["X"]).evaluate(data())


def test_loaded_model_finds_the_same(trained, tmp_path):
    trained.evaluate(data(), store=True)
    trained.save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model", precision="float32")
    texts = ["the film was good , very bad", "plot"]
    assert loaded.predict(texts) == trained.predict(texts)
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| test (24 texts) | 1.0000 (1.0000 to 1.0000) |" in card
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["settings"]["splitting"] == "edges"


def test_padding_has_no_effect_on_convolutions():
    model = fresh(GOLDEN / "bert", convolution=True)
    for layer in model.head.layers:
        for weight in layer.weights:
            weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    alone, among = (
        np.concatenate([rows.values for rows in model.outputs([np.array([text.encode() for text in texts], object)])])
        for texts in (["a film"], ["a film", "it was a very dull plot , not a good film"])
    )
    np.testing.assert_allclose(among[: len(alone)], alone, atol=1e-4)
