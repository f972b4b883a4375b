"""No public method answers a wrong object with another error than one of textgraft's, in one line."""

import array
import asyncio
import collections
import datetime
import decimal
import enum
import fractions
import io
import pathlib
import threading
import types
import uuid
import warnings

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.helpers.reviews import LABELS, TEXTS

pd = pytest.importorskip("pandas")


class Colour(enum.Enum):
    RED = "red"


class Broken:
    """Raises wherever it is used."""

    def __iter__(self):
        raise RuntimeError("two\nlines")

    def __len__(self):
        raise RuntimeError("broken")

    def __array__(self, *_, **__):
        raise RuntimeError("broken")

    def __fspath__(self):
        raise RuntimeError("broken")


async def coroutine():
    yield "a"


OBJECTS = {
    "none": None, "integer": 3, "fraction": 0.5, "nan": float("nan"), "boolean": True, "complex": 1j, "ellipsis": ...,
    "decimal": decimal.Decimal("1.5"), "rational": fractions.Fraction(1, 3), "huge": 10**400, "negative": -1,
    "bytes": b"a film", "bytearray": bytearray(b"a"), "memoryview": memoryview(b"a"), "set": {"a", "b"},
    "frozenset": frozenset("ab"), "dictionary": {"text": ["a"], "label": ["b"]}, "empty dictionary": {}, "empty": [],
    "nested": [[["a"]]],
    "integers": [1, 2], "missing": ["a", None], "nans": [float("nan")], "mixed": ["a", 1],
    "bytes in a list": [b"a"], "surrogate": ["\ud800"], "range": range(3), "type": str, "function": len,
    "module": types, "object": object(), "broken": Broken(), "exception": ValueError("a"), "lock": threading.Lock(),
    "enumeration": Colour.RED, "namespace": types.SimpleNamespace(a=1), "date": datetime.date(2024, 1, 1),
    "uuid": uuid.UUID(int=1), "file": io.StringIO("a"), "bytes file": io.BytesIO(b"a"),
    "array": array.array("d", [1.0]),
    "counter": collections.Counter("ab"), "generator of numbers": (number for number in [1]),
    "async generator": coroutine(), "event loop policy": asyncio.Event, "zero-dimensional": np.array("a"),
    "matrix": np.zeros((2, 3)), "records": np.array([("a", 1)], [("x", "U1"), ("y", int)]), "void": np.zeros(2, "V4"),
    "frame without columns": pd.DataFrame(), "frame of numbers": pd.DataFrame({1: [0.5], 2: [1.5]}),
    "frame with two equal names": pd.DataFrame([["a", "b"]], columns=["text", "text"]),
    "series of missing values": pd.Series([pd.NA, None]), "times": pd.date_range("2024", periods=2),
    "sparse tensor": tf.sparse.from_dense([[1]]), "ragged tensor": tf.ragged.constant([["a"], []]),
    "numbers as tensors": tf.data.Dataset.range(3), "tensors of dictionaries": tf.data.Dataset.from_tensors({"a": 1}),
    "folder that does not exist": pathlib.Path("no/such/folder"), "path of a folder": pathlib.Path(__file__).parent,
    "long string": "x" * 5000, "string with a null": "a\0b", "empty string": "", "surrogate string": "\udc80",
    "model": tg.TextClassifier, "labelled frame": pd.DataFrame({"text": ["a"], "label": [None]}),
}  # fmt: skip

FIT = {"fine_tune": "none", "head": "logistic", "progress": False, "keep_reference": 0}


@pytest.fixture(scope="module")
def calls(tiny_word_vectors, tiny_gpt2, tiny_bert, tmp_path_factory):
    """Calls of public functions and methods with one wrong argument."""
    model = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], trust_savedmodel=True)
    data, tagged = tg.Dataset.from_lists(TEXTS, LABELS), tg.TaggedDataset.from_lists(["a film"], [[]])
    model.fit(data, **FIT)
    embedder, tagger = tg.TextEmbedder(model.backbone), tg.TokenClassifier(model.backbone, ["X"])
    generator, filler = tg.TextGenerator(tiny_gpt2), tg.MaskFiller(tiny_bert)
    folder = tmp_path_factory.mktemp("saved")
    return {
        "predict": model.predict,
        "predict_proba": model.predict_proba,
        "predict text": lambda wrong: model.predict(pd.DataFrame({"text": TEXTS}), text=wrong),
        "embedder": embedder.predict,
        "tagger": tagger.predict,
        "tagger fit": lambda wrong: tagger.plan(wrong),
        "tagger labels": lambda wrong: tg.TokenClassifier(model.backbone, wrong),
        "tagger splitting": lambda wrong: tg.TokenClassifier(model.backbone, ["X"], splitting=wrong),
        "generate": lambda wrong: generator.generate(wrong, max_new_tokens=1),
        "generate tokens": lambda wrong: generator.generate("a", max_new_tokens=wrong),
        "generator fit": lambda wrong: generator.plan(wrong),
        "fill": filler.predict,
        "fill top": lambda wrong: filler.predict("a", wrong),
        "fit": lambda wrong: model.fit(wrong, **FIT),
        "fit texts": lambda wrong: model.fit(wrong, LABELS, **FIT),
        "fit labels": lambda wrong: model.fit(TEXTS, wrong, **FIT),
        "fit validation": lambda wrong: model.fit(data, validation=wrong, **FIT),
        "fit epochs": lambda wrong: model.fit(data, epochs=wrong, fine_tune="none", progress=False),
        "fit fine_tune": lambda wrong: model.plan(data, fine_tune=wrong),
        "fit seed": lambda wrong: model.fit(data, seed=wrong, **FIT),
        "fit head": lambda wrong: model.plan(data, fine_tune="none", head=wrong),
        "plan": model.plan,
        "evaluate": model.evaluate,
        "evaluate labels": lambda wrong: model.evaluate(TEXTS, wrong),
        "load": tg.load,
        "load_dataset": tg.load_dataset,
        "load_dataset text": lambda wrong: tg.load_dataset(pd.DataFrame({"text": TEXTS}), text=wrong),
        "load_dataset split": lambda wrong: tg.load_dataset(pd.DataFrame({"text": TEXTS}), split=wrong),
        "load_dataset empty": lambda wrong: tg.load_dataset(pd.DataFrame({"text": TEXTS}), empty=wrong),
        "load_tagged": tg.load_tagged,
        "from_lists": tg.Dataset.from_lists,
        "from_lists labels": lambda wrong: tg.Dataset.from_lists(["a", "b"], wrong),
        "from_lists problem": lambda wrong: tg.Dataset.from_lists(["a"], ["b"], problem=wrong),
        "tagged from_lists": lambda wrong: tg.TaggedDataset.from_lists(wrong, wrong),
        **{f"data {name}": getattr(data, name) for name in DATA_METHODS},
        **{f"tagged {name}": getattr(tagged, name) for name in DATA_METHODS},
        "batches": lambda wrong: list(data.batches(wrong)),
        "index": data.__getitem__,
        "split": data.split,
        "split seed": lambda wrong: data.split(0.5, wrong),
        "preset": lambda wrong: tg.TextClassifier(wrong, ["bad", "good"]),
        "labels": lambda wrong: tg.TextClassifier(model.backbone, wrong),
        "descriptions": lambda wrong: tg.TextClassifier(model.backbone, ["bad", "good"], descriptions=wrong),
        "precision": lambda wrong: tg.TextEmbedder(model.backbone, wrong),
        "problem": lambda wrong: tg.TextClassifier(model.backbone, ["bad", "good"], problem=wrong),
        "sequence_length": lambda wrong: tg.TextEmbedder(model.backbone, sequence_length=wrong),
        "pooling": lambda wrong: tg.TextEmbedder(model.backbone, pooling=wrong),
        "hidden": lambda wrong: model.fill_architecture({"hidden": wrong}),
        "dropout": lambda wrong: model.fill_architecture({"dropout": wrong}),
        "cleaning": lambda wrong: model.fill_architecture({"cleaning": wrong}),
        "save": lambda wrong: model.save(folder / wrong if isinstance(wrong, str) else wrong),
    }


# Of those with an argument.
DATA_METHODS = ("from_examples", "label_ids", "label_sets", "location", "slice", "take")

QUICK = {
    "none", "integer", "nan", "bytes", "set", "dictionary", "missing", "mixed", "broken", "zero-dimensional",
    "frame of numbers", "labelled frame",
}  # fmt: skip


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in OBJECTS]
)
def test_wrong_objects_are_refused_in_one_line(calls, kind):
    failures = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, call in calls.items():
            try:
                call(OBJECTS[kind])
            except tg.TextgraftError as error:
                if "\n" in str(error) or not str(error):
                    failures.append(f"{name}: {error!r}")
            except Exception as error:
                failures.append(f"{name}: {type(error).__name__}: {str(error)[:100]!r}")
    assert not failures, "\n".join(failures)
