"""Models take the objects that users have texts and labels in, and answer with the labels they were given."""

import copy
import enum
import gc
import pickle
import pickletools
import warnings

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

import textgraft as tg
from tests.helpers.resuming import RecordingCallback
from tests.helpers.reviews import LABELS, TEXTS
from textgraft.errors import ConfigError, ModelFolderError, TextgraftWarning
from textgraft.pickling import load_files, reduce_model

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")


class Stars(enum.Enum):
    ONE, FIVE = 1, 5


STARS = [5 if label == "good" else 1 for label in LABELS]
FIT = {"fine_tune": "none", "head": "logistic", "keep_reference": 0}
FRAME = pd.DataFrame({"id": range(len(TEXTS)), "said": TEXTS, "stars": STARS})


def fresh(preset, labels=(1, 5), **options):
    return tg.TextClassifier(preset, labels, trust_savedmodel=True, **options)


@pytest.fixture(scope="module")
def model(tiny_word_vectors):
    """Trained on a data frame with integer labels."""
    model = fresh(tiny_word_vectors)
    model.fit(FRAME, text="said", label="stars", callbacks=RecordingCallback(), **FIT)
    return model


@pytest.mark.parametrize(
    "texts",
    [
        TEXTS, tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, object), pd.Series(TEXTS), pl.Series(TEXTS),
        pa.array(TEXTS), tf.constant(TEXTS), FRAME, FRAME[["said"]], pl.DataFrame({"text": TEXTS}),
        tf.data.Dataset.from_tensor_slices(TEXTS),
        pa.table({"said": TEXTS, "other": STARS}), tf.data.Dataset.from_tensor_slices((TEXTS, STARS)).batch(3),
    ],
    ids=lambda texts: f"{type(texts).__module__.split('.')[0]}.{type(texts).__name__}",
)  # fmt: skip
def test_texts_of_any_kind_have_the_same_answers(model, texts):
    assert model.predict(texts) == model.predict(iter(TEXTS))


def test_string_has_one_answer(model):
    assert model.predict("very good") == model.predict(["very good"])[0]
    assert model.predict_proba("very good").tolist() == model.predict_proba(["very good"])[0].tolist()


def test_string_that_names_a_file_is_a_text_with_a_warning(model, tmp_path):
    file = tmp_path / "texts.csv"
    FRAME.to_csv(file)
    with pytest.warns(UserWarning, match="is read as a text; to read the file, pass pathlib.Path"):
        assert model.predict(str(file)) in (1, 5)
    assert model.predict(file) == model.predict(TEXTS)


def test_columns_of_the_training_are_remembered_in_the_model_folder(model, tmp_path):
    loaded = tg.load(model.save(tmp_path / "model"))
    assert loaded.labels == (1, 5)
    answers = model.predict(TEXTS)
    assert loaded.predict(FRAME) == answers
    assert loaded.evaluate(FRAME)["accuracy"] == np.mean(np.array(answers) == STARS)
    assert loaded.predict(FRAME.rename(columns={"said": "body"}), text="body") == answers


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array(STARS), {1, 5}), (pd.Series(STARS) > 1, {True, False}),
        pytest.param(STARS, {1, 5}, marks=pytest.mark.slow),
        pytest.param(pd.Series(LABELS, dtype="category"), {"good", "bad"}, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_labels_keep_their_type(word_vectors_backbone, labels, expected):
    model = fresh(word_vectors_backbone, sorted(expected))
    model.fit(pd.Series(TEXTS), labels, validation=(TEXTS[:7], labels[:7]), callbacks=RecordingCallback(), **FIT)
    answers = model.predict(TEXTS)
    assert set(answers) == expected
    assert {type(answer) for answer in answers} == {type(label) for label in expected}
    assert model.evaluate(TEXTS, labels)["accuracy"] == 1


def test_sets_of_integers_keep_their_type(word_vectors_backbone):
    sets = [[1, 2] if label == 5 else [] for label in STARS]
    model = fresh(word_vectors_backbone, [1, 2], problem="multi-label")
    model.fit(TEXTS, sets, callbacks=RecordingCallback(), fine_tune="none", epochs=40)
    assert model.predict("very good") == [1, 2]


@pytest.mark.parametrize("kind", ["path", "splits", "tensors", "examples"])
def test_labelled_data_of_any_kind_trains(word_vectors_backbone, tmp_path, kind):
    FRAME.to_csv(tmp_path / "data.csv", index=False)
    data = {
        "path": str(tmp_path / "data.csv"),
        "splits": {"train": FRAME, "validation": FRAME[:7], "test": FRAME[:3]},
        "tensors": tf.data.Dataset.from_tensor_slices((TEXTS, STARS)).batch(5),
        "examples": tg.Dataset.from_examples(zip(TEXTS, STARS, strict=True)),
    }[kind]
    columns = {"text": "said", "label": "stars"} if kind in ("path", "splits") else {}
    model = fresh(word_vectors_backbone)
    model.fit(data, callbacks=RecordingCallback(), **columns, **FIT)
    assert set(model.predict(TEXTS)) <= {1, 5}
    # Without a validation set, all texts train the head.
    assert model.record["data"].get("validation", {}).get("texts") == (7 if kind == "splits" else None)
    assert model.evaluate(data)["texts"] == (3 if kind == "splits" else len(TEXTS))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((TEXTS,), "data must be texts with labels, a Dataset, a DataFrame, .* not list"),
        ((TEXTS, TEXTS[:3]), "texts: 28 texts but 3 labels"),
        ((TEXTS, LABELS), "unknown label 'bad'"),
        ((["a"] * 8, ["x", "y"] * 4), r"unknown label 'x' \(4 texts\); expected one of: 1, 5"),
        ((FRAME[["id", "stars"]], STARS), "DataFrame: no column 'said', as in training; set text to one of: id, stars"),
        (({"train": FRAME}, STARS), "dict has labels of its own"),
        ((FRAME.to_dict("records"),), "list is not a table; pass a pandas.DataFrame of it"),
        ((FRAME.to_dict("list"),), "dict is not a table; pass a pandas.DataFrame of it"),
        ((pl.DataFrame(FRAME).lazy(),), r"polars.LazyFrame is not a table; pass its collect\(\)"),
        ((tg.TaggedDataset.from_lists(["a"], [[]]),), "a TaggedDataset, but this task takes a Dataset"),
        ((TEXTS, tg.Dataset.from_lists(["a"], [1])), "not a Dataset; pass a validation set as validation"),
        ((TEXTS, [1.5] * len(TEXTS)), "row 1: labels must be strings, integers or booleans, not float"),
        ((tf.data.Dataset.from_tensor_slices(TEXTS),), "Dataset: rows must be a text and a label, not"),
    ],
)
def test_unsuitable_training_data_is_reported(model, arguments, complaint):
    for verb in (model.fit, model.plan, model.evaluate):
        with pytest.raises(tg.TextgraftError, match=complaint):
            verb(*arguments)


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([0.5, 1.5], "not float"), ([None, "a"], "not NoneType"), ([["a"], ["b"]], "not list"), ({"a", "b"}, "not set"),
        ("ab", "not str"), ({"a": 1, "b": 2}, "not dict"), ([1, "a"], "of type string"),
        ([1, 1], "'1' occurs twice"), ([1], "not \\[1\\]"), (3, "not int"),
        ([Stars.ONE, Stars.FIVE], "the values of its members"),
    ],
)  # fmt: skip
def test_unsuitable_labels_are_refused_when_the_model_is_made(word_vectors_backbone, labels, complaint):
    with pytest.raises(tg.TextgraftError, match=f"labels must be at least two different strings.*{complaint}"):
        fresh(word_vectors_backbone, labels)


def test_table_of_texts_is_trained_with_labels_beside_it(word_vectors_backbone):
    train, test = FRAME[["said"]][::-1], FRAME[["id", "said"]]
    model = fresh(word_vectors_backbone)
    model.fit(train, FRAME["stars"][::-1], callbacks=RecordingCallback(), **FIT)
    same = fresh(word_vectors_backbone)
    same.fit(TEXTS[::-1], STARS[::-1], callbacks=RecordingCallback(), **FIT)
    assert model.predict(test) == same.predict(TEXTS)  # by the column of the training
    assert model.evaluate(test, STARS)["accuracy"] == same.evaluate(TEXTS, STARS)["accuracy"]


def test_only_column_and_an_array_of_one_column_are_texts(model):
    expected = model.predict(TEXTS)
    assert model.predict(pd.DataFrame({"other": TEXTS})) == expected
    assert model.predict(np.array(TEXTS, object)[:, None]) == expected


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        (FRAME.to_dict("records"), "text 1 must be a string, not dict; pass a pandas.DataFrame of it"),
        (FRAME.to_dict("list"), "not dict; pass a pandas.DataFrame of it"),
        (pl.DataFrame(FRAME).lazy(), r"not polars.LazyFrame; pass its collect\(\)"),
        ([["three", "words", "here"]], "text 1 must be a string, not list; join its words"),
    ],
)
def test_other_objects_are_refused_with_their_conversion(model, texts, complaint):
    with pytest.raises(tg.TextgraftError, match=complaint):
        model.predict(texts)


def test_unknown_option_is_answered_with_those_of_fit(model):
    with pytest.raises(ConfigError, match="unknown option verbose; fit takes validation, callbacks, progress"):
        model.fit(TEXTS, STARS, verbose=0)


def test_warnings_name_the_line_of_the_user(word_vectors_backbone):
    for call in (lambda model: model.predict("unknown 語 words"), lambda model: model.evaluate(TEXTS, STARS)):
        with pytest.warns(TextgraftWarning, match="untrained") as caught:
            call(fresh(word_vectors_backbone))
        assert {warning.filename for warning in caught} == {__file__}


def test_training_closes_its_files(tiny_word_vectors):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        model = fresh(tiny_word_vectors)
        model.fit(TEXTS, STARS, callbacks=RecordingCallback(), **FIT)
        del model
        gc.collect()
    assert not [str(warning.message) for warning in caught if "BufferedRandom" in str(warning.message)]


def test_datasets_are_copied_as_themselves_and_not_pickled():
    data = tg.Dataset.from_lists(TEXTS, STARS)
    assert copy.deepcopy(data).to_pandas().equals(data.to_pandas())
    with pytest.raises(tg.TextgraftError, match="cannot be pickled; pickle its to_pandas"):
        pickle.dumps(data)


def test_untrained_head_is_said_once(word_vectors_backbone):
    model = fresh(word_vectors_backbone)
    with pytest.warns(UserWarning, match="the head is untrained and its answers are random; call fit first"):
        model.predict("a film")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.evaluate(TEXTS, STARS)


def test_second_training_says_what_it_does(word_vectors_backbone):
    model, callback = fresh(word_vectors_backbone), RecordingCallback()
    model.fit(TEXTS, STARS, callbacks=callback, **FIT)
    assert not [line for line in callback.messages if "trained already" in line]
    model.fit(TEXTS, STARS, callbacks=callback, **FIT)
    assert (
        "the model is trained already: the head is fitted anew; create a new model to start afresh" in callback.messages
    )
    with pytest.warns(TextgraftWarning, match="training continues from its weights"):
        model.fit(TEXTS, STARS, callbacks=callback, progress=False, fine_tune="none", head="gradient", epochs=1)
    assert "training continues from its weights" in "".join(callback.messages)


def test_copies_are_the_files_of_a_model_folder(model):
    content = pickle.dumps(model)
    assert b"textgraft.pickling" in content
    assert {name for _, name, _ in pickletools.genops(content) if isinstance(name, str) and "." in name} <= {
        "textgraft.pickling", *model_files(model)
    }  # fmt: skip
    for copied in (pickle.loads(content), copy.deepcopy(model)):
        np.testing.assert_array_equal(copied.predict_proba(TEXTS), model.predict_proba(TEXTS))
        assert repr(copied) == repr(model)
        assert model_files(copied) == model_files(model)


def model_files(model):
    return reduce_model(model)[1][0]


@pytest.mark.parametrize("change", ["content", "missing", "path", "text", "list"])
def test_altered_pickle_is_refused(model, change):
    files = model_files(model)
    if change == "content":
        files["config.json"] = files["config.json"].replace(b"word", b"sword", 1)
    elif change == "missing":
        del files["model.safetensors"]
    elif change == "path":
        files["../config.json"] = b"{}"
    elif change == "text":
        files["config.json"] = files["config.json"].decode()
    with pytest.raises(ModelFolderError):
        load_files([*files] if change == "list" else files)


def test_dir_and_repr_say_what_users_need(model, tiny_word_vectors):
    names = dir(model)
    assert {"fit", "predict", "predict_proba", "evaluate", "save", "labels"} <= set(names)
    assert len(names) < 30
    assert all(hasattr(model, name) for name in names)
    texts = model.record["data"]["train"]["texts"]
    facts = f"labels 1, 5; preset {tiny_word_vectors}; trained on {texts} texts, 1 epochs"
    assert repr(model) == f"TextClassifier(text-classification; {facts})"
    many = fresh(tiny_word_vectors, range(8))
    assert "labels 0, 1, 2, 3, 4 and 3 more; " in repr(many)
    assert repr(many).endswith("; untrained)")
