"""Reports of `textgraft evaluate --report` and of `write_report`."""

import pytest

import textgraft as tg
from tests.helpers.commands import assert_fails, run, run_successfully, write_csv
from textgraft.report import writing

WORDS = {"great": "pos", "dull": "neg"}
ROWS = [
    (f"a {word} film number {index}", label, ("web", "shop")[index % 2])
    for index in range(30)
    for word, label in WORDS.items()
]
HEADER = ("text", "label", "source")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a trained model and its data."""
    folder = tmp_path_factory.mktemp("report")
    write_csv(folder / "reviews.csv", ROWS, HEADER)
    return folder


@pytest.fixture(scope="module")
def model(folder, word_vectors_backbone):
    model = tg.TextClassifier(word_vectors_backbone, ["neg", "pos"])
    texts, labels, _ = zip(*ROWS[:20], strict=True)
    model.fit(list(texts), list(labels), fine_tune="none", progress=False)
    model.record["command"] = "textgraft train reviews.csv --out model"
    model.save(folder / "model")
    return model


@pytest.fixture(scope="module")
def evaluate(folder, model):
    def command(*options):
        return ("evaluate", folder / "model", folder / "reviews.csv", *options)

    return command


@pytest.fixture
def without_charts(monkeypatch):
    """Other tests draw them, which takes most of the time of a report."""
    monkeypatch.setattr(writing, "draw_charts", lambda facts: {})


def test_evaluate_writes_report_and_charts_with_slices_of_other_columns(evaluate, folder):
    options = ("--report", folder / "report.html", "--charts", folder / "charts", "--slice", "source", "--unseen")
    options += ("--abstain-below", "0.999")
    result = run_successfully(*evaluate(*options))
    assert "it quotes texts of" in result.stderr
    page = (folder / "report.html").read_text(encoding="utf-8")
    for phrase in (
        "Accuracy by source",
        "shop",
        "Robustness",
        "typing errors",
        "points",
        "texts per second",
        "Withheld",
        "textgraft train reviews.csv --out model",
    ):
        assert phrase in page, phrase
    assert "Not a fair test" not in page  # the texts of the training are excluded
    assert {file.name for file in (folder / "charts").iterdir()} > {"confusion-matrix.png", "slices-2-source.png"}
    assert_fails(run(*evaluate("--report", folder / "report.html")), 3, "exists already", "--overwrite")
    assert_fails(run(*evaluate("--charts", folder / "charts")), 3, "is not empty", "--overwrite")


@pytest.mark.parametrize(
    ("options", "code", "phrases"),
    [
        (("--slice", "source"), 2, ("--slice is for reports", "--report FILE")),
        (("--report", "report.txt"), 2, ("ends in .html",)),
        (("--report", "absent/report.html"), 3, ("absent is not a folder",)),
        (("--report", "new.html", "--slice", "sauce"), 3, ("no column 'sauce'", "text, label, source")),
    ],
)
def test_invalid_options_are_reported_before_the_evaluation(evaluate, tmp_path, monkeypatch, options, code, phrases):
    monkeypatch.chdir(tmp_path)
    assert_fails(run(*evaluate(*options)), code, *phrases)
    assert not (tmp_path / "new.html").exists()


def test_standard_input_has_no_slices(folder, model):
    command = ("evaluate", folder / "model", "-", "--report", folder / "stdin.html", "--slice", "source")
    assert_fails(run(*command, stdin="text,label\na,pos\n"), 2, "standard input does not allow")


def test_write_report_in_python_divides_by_values_and_returns_metrics(model, tmp_path, without_charts):
    texts, labels, sources = zip(*ROWS[20:], strict=True)
    path = tmp_path / "report.html"
    metrics = tg.write_report(model, list(texts), path, labels=list(labels), slices={"source": sources})
    assert metrics["texts"] == 40
    assert "Robustness" in path.read_text(encoding="utf-8")
    with pytest.raises(
        tg.TextgraftError, match=r"slices: 'source' has 2 values, but texts has 40 texts; give one each"
    ):
        tg.write_report(model, list(texts), path, labels=list(labels), slices={"source": ["a", "b"]})
    with pytest.raises(tg.TextgraftError, match="takes a model of labels, numbers or entities"):
        tg.write_report(object(), list(texts), path)


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        ([["neg"], ["pos", "new"]], {"problem": "multi-label"}),
        ([1.5, 4.0], {"problem": "regression"}),
        pytest.param([True, False], {}, marks=pytest.mark.slow),
        pytest.param([3, 12], {"pairs": True}, marks=pytest.mark.slow),
    ],
)
def test_every_kind_of_classifier_has_a_report(labels, options, word_vectors_backbone, tmp_path, without_charts):
    names = dict.fromkeys(name for label in labels for name in (label if isinstance(label, list) else [label]))
    model = tg.TextClassifier(
        word_vectors_backbone, [] if "problem" in options and labels[0] == 1.5 else list(names), **options
    )
    texts = [f"a {word} film about the number {index}" for index in range(30) for word in WORDS]
    inputs = [(text, "a film") for text in texts] if "pairs" in options else texts
    model.fit(inputs, labels * 30, fine_tune="none", progress=False)
    tg.write_report(model, inputs, tmp_path / "report.html", labels=labels * 30)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for phrase in ("Robustness", "typing errors", "Speed and size", "Training"):
        assert phrase in page, phrase


def test_entities_have_a_report(word_vectors_backbone, tmp_path, without_charts):
    data = tg.TaggedDataset.from_lists(
        [f"Ada met Bob in room {index}." for index in range(30)],
        [[{"start": 0, "end": 3, "label": "PER"}, {"start": 8, "end": 11, "label": "PER"}]] * 30,
    )
    model = tg.TokenClassifier(word_vectors_backbone, ["PER"])
    model.fit(data, validation=data, fine_tune="none", progress=False)
    tg.write_report(model, data, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Entity recognizer: 1 entity type: " in page
    assert "Robustness" in page
