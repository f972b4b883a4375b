"""Model folders as models of MLflow, whose loader calls `_load_pyfunc` with the path of the folder."""

from importlib.util import find_spec

import numpy
import pandas
import pytest

import textgraft as tg
from tests.helpers.commands import TAGGED_ROWS
from tests.helpers.reviews import reviews
from textgraft import mlflow_model
from textgraft.errors import DataError

TEXTS = ["a fine plot", "very bad", ""]


@pytest.fixture(scope="module")
def folder(tiny_word_vectors, tmp_path_factory):
    model = tg.TextClassifier(tiny_word_vectors, ["good", "bad"])
    model.fit(reviews(), validation=reviews(), fine_tune="none", progress=False)
    return model.save(tmp_path_factory.mktemp("models") / "model")


def load(folder):
    return mlflow_model._load_pyfunc(str(folder))


def test_labels_are_those_of_the_model(folder):
    model = load(folder)
    answers = model.predict(pandas.DataFrame({"text": TEXTS, "other": 1}))
    assert list(answers.columns) == ["prediction", "probability"]
    assert answers["prediction"].tolist() == tg.load(folder).predict(TEXTS)
    for texts in (TEXTS, pandas.Series(TEXTS).to_numpy(), [[text] for text in TEXTS]):
        assert model.predict(texts).equals(answers)
    assert model.predict(pandas.DataFrame({"text": []})).empty


def test_probability_follows_whether_an_answer_is_withheld(folder):
    model = load(folder)
    model._model.objective.abstain_below = 0.99
    answers = model.predict(TEXTS)
    assert list(answers.columns) == ["prediction", "abstained", "probability"]
    assert answers["prediction"].tolist() == [None] * len(TEXTS)


def test_missing_column_is_reported(folder):
    with pytest.raises(DataError, match=r"no column 'text'; it has: review"):
        load(folder).predict(pandas.DataFrame({"review": TEXTS}))


def test_other_objects_are_reported(folder):
    model = load(folder)
    for model_input in ("a fine plot", {"text": TEXTS}, None, [1.5]):
        with pytest.raises(DataError, match=r"must be a (DataFrame|string)"):
            model.predict(model_input)


def test_pairs_have_two_columns(tiny_word_vectors, tmp_path):
    model = tg.TextClassifier(tiny_word_vectors, ["no", "yes"], pairs=True)
    data = tg.Dataset.from_lists(TEXTS * 4, ["yes", "no", "no"] * 4, pairs=TEXTS[::-1] * 4)
    model.fit(data, validation=data, fine_tune="none", progress=False)
    loaded = load(model.save(tmp_path / "model"))
    answers = loaded.predict(pandas.DataFrame({"text": ["very bad"], "pair": ["a fine plot"]}))
    assert answers["prediction"].tolist() == model.predict([("very bad", "a fine plot")])
    assert loaded.predict(numpy.array([["very bad", "a fine plot"]], object)).equals(answers)


def test_entities_are_mappings(bert_backbone, tmp_path):
    words, tags = zip(*((words.split(), tags.split()) for words, tags in TAGGED_ROWS[:6]), strict=True)
    data = tg.TaggedDataset.from_lists(words, tags)
    model = tg.TokenClassifier(bert_backbone, data.label_names, precision="float32")
    (entities,) = load(model.save(tmp_path / "model")).predict(["the film was good , very bad"])["entities"]
    assert [set(entity) for entity in entities] == [{"text", "label", "start", "end", "score"}] * len(entities)


@pytest.mark.skipif(find_spec("mlflow") is None, reason="needs the extra mlflow, which is in no lock")
def test_mlflow_loads_the_stored_model(folder, tmp_path):
    from mlflow import pyfunc

    pyfunc.save_model(
        str(tmp_path / "stored"), loader_module="textgraft.mlflow_model", data_path=str(folder), pip_requirements=[]
    )
    answers = pyfunc.load_model(str(tmp_path / "stored")).predict(pandas.DataFrame({"text": TEXTS}))
    assert answers["prediction"].tolist() == tg.load(folder).predict(TEXTS)
