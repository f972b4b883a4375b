"""Exported models: equal answers, and what is refused."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.helpers.commands import assert_fails, run, run_successfully
from tests.helpers.exports import TEXTS, sharpen, texts_of
from tests.helpers.families import TRANSFORMERS
from tests.helpers.paths import GOLDEN
from textgraft.data.golden_texts import GOLDEN_TEXTS
from textgraft.errors import ConfigError, ExportError, ModelFolderError
from textgraft.evaluation.answer_comparison import decoded, largest_difference
from textgraft.export.record import RECORD, read_record
from textgraft.protobuf import messages
from textgraft.text.cleaning import Cleaning

FAMILIES = [
    pytest.param(name, marks=[] if name == "roberta" else pytest.mark.slow)
    for name in TRANSFORMERS
    if name != "bert"  # tested above
]


@pytest.fixture(scope="module")
def calibrated_folder(calibrated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "calibrated"
    tg.export_model(calibrated, folder)
    return folder


@pytest.fixture(scope="module")
def signature(calibrated_folder):
    """As a program loads it that knows TensorFlow only."""
    loaded = tf.saved_model.load(str(calibrated_folder))
    yield loaded.signatures["serving_default"]
    del loaded  # without which the signature has no variables


@pytest.fixture(scope="module")
def model(tiny_word_vectors):
    """A model whose export is fast, for what does not depend on the network."""
    return sharpen(tg.TextClassifier(tiny_word_vectors, ["x", "y"], precision="float32"))


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "model"
    assert tg.export_model(model, folder).needs == ()
    return folder


def call(signature, **inputs):
    inputs = {name: tf.constant(texts, tf.string) for name, texts in inputs.items()}
    return {name: output.numpy() for name, output in signature(**inputs).items()}


def stored_answers(folder):
    """The texts of an export and their answers, which the export compared with those of the written files."""
    record = json.loads((folder / RECORD).read_text())
    return [tuple(text) if isinstance(text, list) else text for text in record["texts"]], record["answers"]


def test_labels_and_calibrated_probabilities_equal_those_of_the_model(calibrated, signature):
    answers = call(signature, text=TEXTS)
    assert [label.decode() for label in answers["label"]] == calibrated.predict(TEXTS)
    assert len(set(answers["label"])) > 1
    np.testing.assert_allclose(answers["scores"], calibrated.predict_proba(TEXTS), atol=1e-6)
    np.testing.assert_array_equal(answers["score"], answers["scores"].max(axis=1))
    assert [name.decode() for name in answers["labels"][0]] == ["bad", "good", "so so"]


def test_no_text_gives_no_answer(signature):
    answers = call(signature, text=[])
    assert answers["scores"].shape == (0, 3)
    assert answers["label"].shape == (0,)


@pytest.mark.parametrize(
    "kind",
    [
        "multi-label",
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in ("binary", "pairs", "regression", "windows", "hidden", "head+tail")
        ),
    ],
)
def test_each_kind_of_classifier_answers_as_in_python(of_kind, tmp_path, kind):
    model = of_kind(kind)
    tg.export_model(model, tmp_path / "out")
    texts, answers = stored_answers(tmp_path / "out")
    if kind == "regression":
        np.testing.assert_allclose(answers["value"], model.predict(texts), rtol=1e-6)
        assert np.ptp(answers["value"]) > 1
        return
    np.testing.assert_allclose(answers["scores"], model.predict_proba(texts), atol=1e-6)
    if kind == "multi-label":
        sets = [[model.labels[index] for index in np.flatnonzero(row)] for row in answers["predicted"]]
        assert sets == model.predict(texts)
        assert len({*map(tuple, sets)}) > 1
    else:
        names = dict(zip(model.labels, model.objective.labels, strict=True))
        assert answers["label"] == [names[label] for label in model.predict(texts)]
        assert len(set(answers["label"])) > 1


@pytest.mark.slow
def test_signature_of_pairs_has_two_inputs(of_kind, tmp_path):
    model = of_kind("pairs")
    tg.export_model(model, tmp_path / "out")
    texts, others = zip(*texts_of(model), strict=True)
    loaded = tf.saved_model.load(str(tmp_path / "out"))
    answers = call(loaded.signatures["serving_default"], text=texts, text_pair=others)
    np.testing.assert_allclose(answers["scores"], model.predict_proba(texts_of(model)), atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{"prompt": "query: ", "normalize": True, "pooling": "cls"}, pytest.param({}, marks=pytest.mark.slow)],
)
def test_vectors_equal_those_of_the_embedder(tiny_bert, tmp_path, options):
    embedder = tg.TextEmbedder(tiny_bert, precision="float32", **options)
    tg.export_model(embedder, tmp_path / "out")
    texts, answers = stored_answers(tmp_path / "out")
    np.testing.assert_allclose(answers["vector"], embedder.predict(texts), atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"decoding": "free"}, marks=pytest.mark.slow),
        pytest.param({"splitting": "characters", "hidden": (8,)}, marks=pytest.mark.slow),
    ],
)
def test_entities_equal_those_of_the_model(tmp_path, options):
    model = tg.TokenClassifier(GOLDEN / "bert", ["PER", "LOC"], precision="float32", sequence_length=16, **options)
    sharpen(model)
    tg.export_model(model, tmp_path / "out")
    texts, answers = stored_answers(tmp_path / "out")  # several take several rows of 16 tokens
    expected = model.predict(texts)
    assert answers["count"] == [len(entities) for entities in expected]
    assert {entity.label for entities in expected for entity in entities} == {"PER", "LOC"}
    for row, entities in enumerate(expected):
        for index, entity in enumerate(entities):
            assert answers["text"][row][index] == entity.text
            assert answers["label"][row][index] == entity.label
            assert (answers["start"][row][index], answers["end"][row][index]) == (entity.start, entity.end)
            assert answers["score"][row][index] == pytest.approx(entity.score, abs=2e-6)
        assert not any(answers["text"][row][len(entities) :])


@pytest.mark.slow
def test_texts_without_entities_and_no_texts_have_none(tiny_bert, tmp_path):
    model = tg.TokenClassifier(tiny_bert, ["PER"], precision="float32")
    tg.export_model(model, tmp_path / "out")
    loaded = tf.saved_model.load(str(tmp_path / "out"))
    for texts in ([], [""], ["", "  "]):
        answers = call(loaded.signatures["serving_default"], text=texts)
        assert answers["count"].tolist() == [0] * len(texts)
        assert answers["label"].shape == (len(texts), 0)


def test_word_vectors_are_exported_with_their_table(model, exported):
    texts, answers = stored_answers(exported)
    np.testing.assert_allclose(answers["scores"], model.predict_proba(texts), atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_exported(family, tmp_path):
    model = tg.TextClassifier(GOLDEN / family, ["x", "y"], precision="float32", sequence_length=24)
    sharpen(model)
    verification = tg.export_model(model, tmp_path / "out")
    assert verification.needs == ()
    assert "GatherV2" in verification.operations
    assert [name for name in verification.operations if not hasattr(tf.raw_ops, name)] == []
    texts, answers = stored_answers(tmp_path / "out")
    np.testing.assert_allclose(answers["scores"], model.predict_proba(texts), atol=1e-6)


# A process in which nothing can be imported that programs with TensorFlow need not have.
_PROGRAM = """
import json, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"tensorflow_text", "keras_hub", "textgraft"}:
            raise ImportError(f"{name} is imported")

sys.meta_path.insert(0, Blocker())
import tensorflow as tf

for folder in sys.argv[1:]:
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    answers = serve(text=tf.constant(["a great film", "no"]))
    labels = [label.decode() for label in answers["label"].numpy()]
    print(json.dumps({"labels": labels, "scores": answers["scores"].numpy().tolist()}))
"""


def assert_another_program_answers_as(models, folders):
    """Labels are equal, probabilities to 1e-6, in a process without textgraft, KerasHub and TensorFlow Text."""
    result = subprocess.run([sys.executable, "-c", _PROGRAM, *folders], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for line, model in zip(result.stdout.splitlines(), models, strict=True):
        answers = json.loads(line)
        assert answers["labels"] == model.predict(["a great film", "no"])
        np.testing.assert_allclose(answers["scores"], model.predict_proba(["a great film", "no"]), rtol=0, atol=1e-6)


def test_another_program_needs_tensorflow_only(calibrated, calibrated_folder):
    assert_another_program_answers_as([calibrated], [calibrated_folder])


@pytest.mark.slow
def test_graph_of_each_family_loads_where_tensorflow_text_cannot_be_imported(tmp_path):
    models = {}
    for family in sorted(TRANSFORMERS):
        options = {"sequence_length": 24, "cleaning": Cleaning(normalize_unicode=True, strip_punctuation=True)}
        model = sharpen(tg.TextClassifier(GOLDEN / family, ["x", "y"], precision="float32", **options))
        tg.export_model(model, tmp_path / family)
        models[family] = model
    assert_another_program_answers_as(models.values(), map(tmp_path.__truediv__, models))


def test_operations_of_tensorflow_text_are_used_on_request(calibrated, tmp_path):
    verification = tg.export_model(calibrated, tmp_path / "out", ops="text")
    assert "FastWordpieceTokenizeWithOffsets" in verification.operations
    (need,) = verification.needs
    assert re.fullmatch(
        r"TensorFlow Text \(.*\): tensorflow_text in Python, or TensorFlow Serving from version 2.11", need
    )
    with pytest.raises(ConfigError, match="format onnx has no option --ops"):
        tg.export_model(calibrated, tmp_path / "another", "onnx", ops="text")
    with pytest.raises(ConfigError, match="ops 'some' is unknown; choose one of core, text"):
        tg.export_model(calibrated, tmp_path / "another", ops="some")


def test_graph_has_no_operation_on_files_and_no_python(signature):
    graph = signature.graph.as_graph_def()
    names = {node.op for node in graph.node} | {node.op for f in graph.library.function for node in f.node_def}
    assert "UnicodeDecode" in names
    assert all(hasattr(tf.raw_ops, name) or name.startswith("__inference") for name in names)
    forbidden = ("File", "PyFunc", "Save", "Restore", "Assign", "Random")
    assert [name for name in names if any(part in name for part in forbidden)] == []


def test_warm_up_requests_are_those_of_tensorflow_serving(calibrated_folder, signature):
    """The fields of PredictionLog, PredictRequest and ModelSpec, and the outputs of the graph for the tensors."""
    path = calibrated_folder / "assets.extra" / "tf_serving_warmup_requests"
    logs = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    sizes = []
    for log in logs:
        ((request,),) = [messages(predict_log, 1) for predict_log in messages(log, 6)]
        assert [messages(spec, 3) for spec in messages(request, 1)] == [[b"serving_default"]]
        (entry,) = messages(request, 2)
        assert messages(entry, 1) == [b"text"]
        texts = tf.io.parse_tensor(messages(entry, 2)[0], tf.string).numpy()
        assert call(signature, text=texts)["label"].shape == texts.shape
        sizes.append(len(texts))
    assert sizes == [1, 8, 1]


def test_full_disk_is_reported_in_one_line_and_nothing_is_left(model, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise tf.errors.ResourceExhaustedError(None, None, "model.data-00000-of-00001; No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(
        ModelFolderError, match=r"No space left on device; .* free disk space or choose another"
    ) as error:
        tg.export_model(model, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_unaltered_export_is_verified(exported):
    assert tg.verify_export(exported).texts == len(GOLDEN_TEXTS)


def test_record_holds_the_answers_of_the_model(model, exported):
    record = json.loads((exported / RECORD).read_text())
    assert record["texts"] == list(GOLDEN_TEXTS)
    assert record["answers"]["label"] == model.predict(list(GOLDEN_TEXTS))
    assert record["needs"] == []


def copy_of(exported, target):
    for file in filter(Path.is_file, exported.rglob("*")):
        copy = target / file.relative_to(exported)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    return target


def change_byte(folder):
    file = next(folder.glob("variables/*.data-*"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def remove_file(folder):
    next(folder.glob("variables/*.index")).unlink()


def add_file(folder):
    (folder / "variables" / "more").write_text("x")


def change_answer(folder):
    answers = read_record(folder).answers
    answers["scores"][3][0] += 0.01
    rewrite(folder, answers=answers)


def mix_answers(folder):
    answers = read_record(folder).answers
    answers["scores"][3] = "none"
    rewrite(folder, answers=answers)


def rewrite(folder, **values):
    """Change values of the record, which is valid again."""
    replace(read_record(folder), **values).write(folder)


def mix_texts(folder):
    record = json.loads((folder / RECORD).read_text())
    record["texts"][2] = ["one", 2]
    (folder / RECORD).write_text(json.dumps(record))


def break_record(folder):
    (folder / RECORD).write_text('{"format": "savedmodel"}')


def remove_record(folder):
    (folder / RECORD).unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change_byte, "has been altered since the export"),
        (remove_file, "variables.index is missing"),
        (add_file, "more is not listed in textgraft.json"),
        (change_answer, "scores of "),
        (mix_answers, "copy: there are no valid answers for scores to compare with"),
        (mix_texts, r"texts\[2\] must be a text, or a list of two"),
        (break_record, "lacks task; copy the exported folder again"),
        (remove_record, "is not an exported model: it has no textgraft.json"),
    ],
)
def test_altered_export_is_refused(exported, tmp_path, damage, message):
    folder = copy_of(exported, tmp_path / "copy")
    damage(folder)
    with pytest.raises(ExportError, match=message):
        tg.verify_export(folder)


_READING = """
import sys
from pathlib import Path
from textgraft.export.record import read_record

print("tensorflow" in sys.modules, flush=True)
read_record(Path(sys.argv[1]))
"""


def test_damaged_export_is_reported_without_tensorflow(exported, tmp_path):
    folder = copy_of(exported, tmp_path / "copy")
    change_byte(folder)
    result = subprocess.run([sys.executable, "-c", _READING, folder], capture_output=True, text=True, check=False)
    assert result.stdout == "False\n"
    assert "has been altered since the export" in result.stderr


def test_difference_names_output_and_text():
    expected = {"score": [0.25, 0.5]}
    assert largest_difference({"score": np.array([0.25, 0.500001])}, expected, ["a", "b"]) == pytest.approx(1e-6)
    prices = {"value": [0.5, 40.5]}  # of a deviation of 20
    assert largest_difference({"value": np.array([0.5001, 40.5])}, prices, ["a", "b"]) == pytest.approx(5e-6)
    for value in (0.51, np.nan):
        with pytest.raises(ValueError, match=r"score of 'b' is .* in place of 0.5"):
            largest_difference({"score": np.array([0.25, value])}, expected, ["a", "b"])
    with pytest.raises(ValueError, match="label of 'a' is no in place of yes"):
        largest_difference({"label": np.array([b"no"], object)}, {"label": ["yes"]}, ["a"])


def test_strings_are_compared_without_padding_each_to_the_longest():
    answers = np.array([["x" * 1000], [b"y"]], object)
    assert decoded(answers).tolist() == [["x" * 1000], ["y"]]
    assert decoded(answers).nbytes < 1000
    assert largest_difference({"text": answers}, {"text": [["x" * 1000], ["y"]]}, ["a", "b"]) == 0


def test_export_with_other_answers_is_not_written(model, tmp_path, monkeypatch):
    wrong = {**model.reference_answers(list(GOLDEN_TEXTS))}
    wrong["scores"] = wrong["scores"][::-1]
    monkeypatch.setattr(model, "reference_answers", lambda texts: wrong)
    with pytest.raises(ExportError, match="scores of "):
        tg.export_model(model, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_is_refused(tiny_bert, model, tmp_path):
    with pytest.raises(ConfigError, match="models for fill-mask are not exported yet"):
        tg.export_model(tg.MaskFiller(tiny_bert, precision="float32"), tmp_path / "out")
    with pytest.raises(ConfigError, match="load this one with precision float32"):
        tg.export_model(tg.TextClassifier(tiny_bert, ["x", "y"], precision="mixed_bfloat16"), tmp_path / "out")
    with pytest.raises(ConfigError, match=r"format 'pmml' is unknown; choose one of .*savedmodel"):
        tg.export_model(model, tmp_path / "out", "pmml")
    (tmp_path / "there").mkdir()
    with pytest.raises(ModelFolderError, match="already exists"):
        tg.export_model(model, tmp_path / "there")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_export_and_verification_by_the_command_line(model, tmp_path):
    model.save(tmp_path / "model")
    result = run_successfully("export", tmp_path / "model", "--out", tmp_path / "out", "--json")
    assert json.loads(result.stdout)["texts"] == len(GOLDEN_TEXTS)
    assert "the answers to 32 texts are those of the model" in result.stderr
    assert re.search(r"[0-9]+ operations, all of them TensorFlow's own", result.stderr), result.stderr
    assert re.search(
        r"exported in [0-9.]+ s: writing [0-9.]+ s, the model's answers [0-9.]+ s, the export's", result.stderr
    )
    assert json.loads(run_successfully("verify", tmp_path / "out", "--json").stdout)["format"] == "savedmodel"
    assert_fails(run("export", tmp_path / "model", "--out", tmp_path / "out"), 5, "already exists; remove it or choose")
    assert_fails(run("export", tmp_path / "model", "--out", tmp_path / "new", "--to", "pmml"), 2, "format 'pmml'")
    change_byte(tmp_path / "out")
    assert_fails(run("verify", tmp_path / "out"), 9, "has been altered since the export")
    assert_fails(run("verify", tmp_path), 9, "is not an exported model")
