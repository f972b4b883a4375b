"""The command line from a file of texts to predictions, on tiny presets; every error one line and its exit code."""

import csv
import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.commands import assert_fails, run, run_successfully, write_csv
from textgraft.cli.app import COMMANDS
from textgraft.cli.parameters import Parameters
from textgraft.errors import DataError, ModelFolderError
from textgraft.model_folder import folder as model_folder
from textgraft.tasks.loading import load_as
from textgraft.tasks.text_classification import TextClassifier

GOOD = ["the film was good", "a fine plot", "very good", "it was fine .", "not bad , very good"]
BAD = ["the film was bad", "a dull plot", "very bad", "it was dull .", "not good , very dull"]


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    rows = [(f"{text} {'film ' * n}", label) for n in range(4) for text, label in
            [*((text, "good") for text in GOOD), *((text, "bad") for text in BAD)]]  # fmt: skip
    return write_csv(tmp_path_factory.mktemp("data") / "reviews.csv", rows)


@pytest.fixture(scope="module")
def trained(reviews, tiny_word_vectors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "model"
    result = run(
        "train",
        reviews,
        "--test",
        reviews,
        "--allow-leaks",
        "--preset",
        tiny_word_vectors,
        "--epochs",
        1,
        "--sequence-length",
        64,
        "--out",
        folder,
    )
    assert result.exit_code == 0, result.output
    assert "train 36, validation 4, test 40 texts" in result.stderr
    assert "40 of 40 texts also occur" in result.stderr
    assert "confusion matrix" in result.stdout
    return folder


def test_info_shows_labels_and_metrics(trained):
    table = run("info", trained)
    assert "bad, good" in table.stdout
    config = json.loads(run("info", trained, "--json").stdout)
    assert config["settings"]["labels"] == ["bad", "good"]
    assert config["metrics"]["test"]["texts"] == 40
    assert " kernels, " in table.stdout
    assert list(config["computation"]) == ["kernels", "processor", "threads", "precision", "workers"]


def test_edited_card_is_said_once_and_the_folder_still_works(trained, tmp_path, monkeypatch):
    folder = shutil.copytree(trained, tmp_path / "model")
    (folder / ".DS_Store").touch()
    with (folder / "README.md").open("a") as card:
        card.write("Trained for the spring survey.")
    (tmp_path / "current").symlink_to(folder)
    monkeypatch.chdir(folder)
    for path in (tmp_path / "current", f"{folder}/", "."):
        answer = run("info", path)
        assert "all files but README.md match the manifest" in " ".join(answer.stdout.split())
        assert answer.stderr.count("README.md was edited; nothing is read from it\n") == 1
    (tmp_path / "text.txt").write_text("a film")
    assert run("predict", ".", tmp_path / "text.txt").exit_code == 0
    refused = run("train", tmp_path / "text.txt", "--out", folder, "--overwrite")
    assert_fails(refused, 5, "also has an edited README.md, which overwriting would delete")


def test_evaluate_prints_metrics(trained, reviews):
    metrics = json.loads(run("evaluate", trained, reviews, "--json").stdout)
    assert metrics["texts"] == 40
    assert "macro_f1" in run("evaluate", trained, reviews).stdout


def test_evaluate_writes_rows_and_shows_errors(trained, reviews, tmp_path):
    out = tmp_path / "errors.csv"
    result = run_successfully("evaluate", trained, reviews, "--json", "--errors", 100, "--out", out)
    metrics = json.loads(result.stdout)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = [row for row in rows if row["truth"] != row["prediction"]]
    assert len(rows) == 40
    assert 1 - len(wrong) / 40 == pytest.approx(metrics["accuracy"])
    assert [row["correct"] for row in wrong] == ["false"] * len(wrong)
    expected = sorted(wrong, key=lambda row: -float(row["confidence"]))
    assert [error["location"] for error in metrics["errors"]] == [row["location"] for row in expected]
    assert_fails(run("evaluate", trained, reviews, "--out", tmp_path / "x.txt"), 2, "choose a name that ends in")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_predict_keeps_rows_and_columns(trained, reviews, tmp_path, suffix):
    import pyarrow.parquet as pq

    out = tmp_path / f"out{suffix}"
    result = run_successfully("predict", trained, reviews, "--probabilities", "all", "--out", out)
    assert "the model was trained on 36 and validated on 4 of these 40 texts" in result.stderr
    if suffix == ".csv":
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
    elif suffix == ".jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        rows = pq.read_table(out).to_pylist()
    with reviews.open(newline="") as file:
        assert [{name: row[name] for name in ("text", "label")} for row in rows] == list(csv.DictReader(file))
    for row in rows:
        probabilities = {label: float(row[f"probability_{label}"]) for label in ("bad", "good")}
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert row["prediction"] == max(probabilities, key=probabilities.get)
        assert float(row["probability"]) == max(probabilities.values())
    counts = {label: sum(row["prediction"] == label for row in rows) for label in ("bad", "good")}
    assert f"wrote 40 rows to {out}; " in result.stderr
    assert all(f"{label} {count}" in result.stderr for label, count in counts.items() if count)


def test_predict_writes_the_columns_that_are_asked_for(trained, tmp_path):
    source = tmp_path / "in.jsonl"
    rows = [
        '{"id": 1.50, "text": "very good", "prediction": ["x"]}', '{"id": null, "text": null, "prediction": 0, "q": 1}'
    ]  # fmt: skip
    source.write_text("\n".join(rows))
    result = run_successfully("predict", trained, source, "--out", tmp_path / "out.jsonl", "--probabilities", "none")
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    expected = [rows[0].removesuffix("}") + ', "q": null', rows[1].removesuffix("}")]
    assert [line.rpartition(", ")[0] for line in lines] == expected
    assert all('"prediction_2": "' in line for line in lines)
    assert "in.jsonl has a column 'prediction'; the new column is named 'prediction_2'" in result.stderr
    assert "in.jsonl: predictions include 1 empty text; --empty drop drops" in result.stderr
    lines = run_successfully("predict", trained, source, "--columns", "id", "--empty", "drop").stdout.splitlines()
    assert lines[0] == "id,prediction,probability"
    assert [line.split(",")[0] for line in lines[1:]] == ["1.50"]
    assert run_successfully("predict", trained, source, "--columns", "").stdout.startswith("prediction,probability\n")
    assert_fails(run("predict", trained, source, "--columns", "id,no"), 3, "no column 'no' to keep; it has: id, text,")
    assert_fails(run("predict", trained, source, "--probabilities", "most"), 2, "choose one of none, top, all")


def test_formulas_are_escaped_in_rows_where_that_is_asked_for(trained, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("text,label\n=1+1 good film,good\n")
    command = ("predict", trained, source, "--columns", "text")
    assert run_successfully(*command).stdout.splitlines()[1].startswith("=1+1 good film,")
    assert run_successfully(*command, "--escape-formulas").stdout.splitlines()[1].startswith("'=1+1 good film,")
    out = tmp_path / "out.tsv"
    run_successfully("evaluate", trained, source, "--out", out, "--escape-formulas")
    assert out.read_text().splitlines()[1].startswith("'=1+1 good film\t")
    sheet = ("--out", tmp_path / "out.xlsx", "--escape-formulas")
    for command in (("predict", trained, source), ("evaluate", trained, source)):
        assert_fails(run(*command, *sheet), 2, "--escape-formulas is for .csv and .tsv; .xlsx has no formulas: drop it")
    assert_fails(run("evaluate", trained, source, "--escape-formulas"), 2, "drop it, or pass --out")


def test_output_is_checked_before_tensorflow_is_imported(trained, reviews, tmp_path):
    script = "import sys\nfrom textgraft.cli.app import make_app\ntry: make_app()()\n"
    script += "finally: print('tensorflow' in sys.modules)"
    for command in (["predict", trained], ["embed", trained]):
        arguments = [*map(str, command), str(reviews), "--out", str(tmp_path / "absent" / "out.parquet")]
        result = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
        assert result.returncode == 3
        assert "is not a folder; create it first" in result.stderr
        assert result.stdout == "False\n"


def test_truncated_and_dropped_texts_are_counted(reviews, tiny_word_vectors, trained, tmp_path):
    long = write_csv(
        tmp_path / "long.csv", [("film" + " film" * 69, "good"), ("dull", "bad"), ("film" + " film" * 64, "good")]
    )
    cut = "2 texts truncated to 64 tokens (7 tokens dropped)"
    assert f"long.csv: {cut}" in run("evaluate", trained, long).stderr
    assert f"long.csv: {cut}" in run("predict", trained, long, "--out", tmp_path / "out.csv").stderr
    assert f"long.csv: {cut}" in run("embed", trained, long, "--out", tmp_path / "out.npy").stderr
    options = ("--preset", tiny_word_vectors, "--epochs", 1, "--sequence-length", 64, "--out", tmp_path / "m")
    answer = run("train", reviews, "--validation", long, "--test", long, "--allow-leaks", *options).stderr
    assert f"validation: {cut}" in answer
    assert f"test: {cut}" in answer
    assert "train: " not in answer
    gaps = write_csv(tmp_path / "gaps.csv", [("film", "x"), ("", "x"), ("plot", "x")])
    answer = run("predict", trained, gaps, "--empty", "drop")
    assert "gaps.csv: 1 empty text dropped" in answer.stderr
    assert len(answer.stdout.splitlines()) == 3


def test_predict_from_standard_input(trained):
    lines = run("predict", trained, stdin="the film was good\nvery dull\n").stdout.splitlines()
    assert lines[0] == "text,prediction,probability"
    assert [line.split(",")[0] for line in lines[1:]] == ["the film was good", "very dull"]


def test_verbose_prints_how_texts_are_computed(trained):
    result = run("predict", trained, "--verbose", "--precision", "float32", stdin="good\n")
    assert re.search(r"^(oneDNN|Eigen|CUDA)\b.* kernels, \S.* processor, \d+ threads?, float32$", result.stderr, re.M)
    assert " kernels, " not in run("predict", trained, stdin="good\n").stderr


def test_embed_writes_vectors_in_order(tiny_word_vectors, trained, reviews, tmp_path):
    assert run("embed", tiny_word_vectors, reviews, "--normalize", "--out", tmp_path / "v.npy").exit_code == 0
    vectors = np.load(tmp_path / "v.npy")
    assert vectors.shape == (40, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert run("embed", trained, reviews, "--out", tmp_path / "trained.npy").exit_code == 0
    assert np.abs(np.load(tmp_path / "trained.npy") - vectors).max() > 1e-3


def test_inspect_shows_tokens_and_ids(tiny_bert):
    table = run("inspect", "A GOOD film!", "--pair", "dull", "--preset", tiny_bert, "--pad-to", 9).stdout
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")] for line in table.splitlines() if line.startswith("│")
    ]
    assert [row[1] for row in rows] == ["[CLS]", "a", "good", "film", "[UNK]", "[SEP]", "dull", "[SEP]", ""]
    assert [row[2] for row in rows] == ["2", "6", "9", "7", "1", "3", "12", "3", "0"]
    assert [row[3] for row in rows] == ["1"] * 8 + ["0"]
    assert [row[4] for row in rows] == ["0"] * 6 + ["1", "1", "0"]


def test_pairs_are_trained_evaluated_and_predicted(tiny_word_vectors, trained, tmp_path):
    rows = [("sentence1", "sentence2", "label"), *[(a, b, "same" if n % 2 else "other") for n in range(8)
            for a, b in [(f"film {'a ' * n}", "good"), (f"plot {'a ' * n}", "dull")]]]  # fmt: skip
    with (tmp_path / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    options = ("--preset", tiny_word_vectors, "--epochs", 1, "--precision", "float32", "--out", tmp_path / "model")
    result = run("train", tmp_path / "pairs.csv", *options)
    assert result.exit_code == 0, result.output
    assert json.loads(run("evaluate", tmp_path / "model", tmp_path / "pairs.csv", "--json").stdout)["texts"] == 16
    lines = run("predict", tmp_path / "model", tmp_path / "pairs.csv").stdout.splitlines()
    assert lines[0] == "sentence1,sentence2,label,prediction,probability"
    assert lines[1].startswith("film ,good,")
    assert "pairs" in run("info", tmp_path / "model").stdout
    assert_fails(run("predict", tmp_path / "model", stdin="a text\n"), 3, "set --pair to one of: text")
    assert_fails(
        run("predict", trained, tmp_path / "pairs.csv", "--text", "sentence1", "--pair", "sentence2"), 3, "single"
    )


def test_model_is_saved_although_its_results_cannot_be_printed(reviews, tiny_word_vectors, tmp_path, monkeypatch):
    def print_result(*_):
        raise DataError("standard output is full")

    monkeypatch.setattr("textgraft.cli.training_results.print_result", print_result)
    options = ("--preset", tiny_word_vectors, "--fine-tune", "none", "--no-ngrams", "--out", tmp_path / "m")
    assert_fails(run("train", reviews, *options), 3, "standard output is full")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert model_folder.read(tmp_path / "m").config["metrics"]["validation_report"]["accuracy"]


def test_columns_of_the_training_are_remembered(tiny_word_vectors, tmp_path):
    rows = [(str(n), text, label) for n, (text, label) in
            enumerate([*((text, "good") for text in GOOD), *((text, "bad") for text in BAD)] * 2)]  # fmt: skip
    source = write_csv(tmp_path / "a.csv", rows, ("extra", "id_text", "kind"))
    model, names = tmp_path / "m", ("--text", "id_text", "--label", "kind")
    options = ("--preset", tiny_word_vectors, "--fine-tune", "none", "--out", model)
    run_successfully("train", source, *names, *options)
    assert json.loads((model / "config.json").read_text())["columns"] == {"text": "id_text", "label": "kind"}
    assert json.loads(run_successfully("evaluate", model, source, "--json").stdout)["texts"] == 20
    assert run_successfully("predict", model, source).stdout.splitlines()[1].startswith("0,the film was good,good,")
    unlabelled = write_csv(tmp_path / "b.csv", [row[:2] for row in rows], ("extra", "id_text"))
    problem = "no column 'kind', as in training; set --label to one of: extra"
    assert_fails(run("evaluate", model, unlabelled), 3, problem)
    renamed = write_csv(tmp_path / "c.csv", rows, ("extra", "body", "kind"))
    notice = "no column 'id_text', as in training; the text is read from 'body'"
    assert notice in run_successfully("predict", model, renamed).stderr
    assert notice in run_successfully("evaluate", model, renamed).stderr
    assert_fails(run("predict", model, write_csv(tmp_path / "d.csv", rows, ("a", "b", "c"))), 3, "no column 'id_text'")


def test_presets_lists_known_models():
    known = {row["name"]: row for row in json.loads(run("presets", "--json").stdout)}
    assert known["minilm"]["local"]
    assert "nnlm-en-dim50" in known


def test_cache_that_others_can_write_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGRAFT_CACHE", str(tmp_path))
    folder = tmp_path / "arrays"
    folder.mkdir(mode=0o700)
    assert run_successfully("cache").output == f"{folder}: 0 entries, 0.0 MiB of at most 5,120.0 MiB\n"
    folder.chmod(0o777)
    assert f"the cache is not used: other users can write to {folder}; remove it" in run_successfully("cache").stderr


def test_version():
    from textgraft import __version__

    assert run("--version").stdout.strip() == f"textgraft {__version__}"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_each_option_in_its_panel_with_its_default(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = run_successfully(command, "--help").stdout
    assert max(map(len, text.splitlines())) <= 80
    name = command.replace("-", "_")
    parameters = Parameters(getattr(import_module(f"textgraft.cli.{name}"), name))
    panels = dict(re.findall(r"╭─ (\w+) ─+╮\n(.*?)╰─", text, re.DOTALL))
    for known in parameters.options.values():
        body = " ".join(panels[known.panel].replace("│", " ").split())
        assert f"{known.flag} " in body
        assert f"[{known.default_text}]" in body


def test_flags_override_the_config_file_and_the_file_defaults(reviews, tiny_word_vectors, tmp_path):
    config = tmp_path / "run.toml"
    config.write_text(
        f'preset = "{tiny_word_vectors}"\nepochs = 2\nbatch-size = 5\nlowercase = true\nlearning_rate = 1\n'
    )
    result = run(
        "train", reviews, "--config", config, "--epochs", 1, "--learning-rate", "1e-3", "--out", tmp_path / "m"
    )
    assert result.exit_code == 0, result.output
    fit = json.loads((tmp_path / "m" / "config.json").read_text())
    assert (fit["fit"]["epochs"], fit["fit"]["batch_size"], fit["fit"]["learning_rate"]) == (1, 5, 1e-3)
    assert fit["architecture"]["cleaning"]["lowercase"] is True
    assert fit["fit"]["weight_decay"] == 0.01


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("epoch = 3", ["unknown key 'epoch'", "nearest is 'epochs'", "batch_size"]),
        ("epochs = '3'", ["epochs must be of type int"]),
        ("epochs = true", ["epochs must be of type int"]),
        ("epochs = ", ["is not TOML"]),
        ('data = "C:\\new\\t.csv"', [r"'C:\new\t.csv'", "write Windows paths in single quotes"]),
        ("\ufeffepochs = '3'", ["epochs must be of type int"]),
        ('data = "a\\u0000b.csv"', [r"data is 'a\x00b.csv'", "null character; remove it"]),
        ("#" * 2**20 + "\nepochs = 3", ["larger than 1,048,576 bytes"]),
    ],
)
def test_wrong_config_files_are_reported(reviews, tmp_path, line, words):
    (tmp_path / "run.toml").write_text(line)
    assert_fails(
        run("train", reviews, "--out", tmp_path / "m", "--config", tmp_path / "run.toml"), 2, "run.toml", *words
    )


def test_endless_config_file_is_refused(reviews, tmp_path):
    result = run("train", reviews, "--out", tmp_path / "m", "--config", "/dev/zero")
    assert_fails(result, 2, "/dev/zero is larger than")


def test_wrong_options_are_reported(reviews, trained, tiny_bert, tmp_path):
    out = tmp_path / "m"
    assert_fails(run("train", reviews), 2, "out is missing")
    assert_fails(run("train", "--out", out), 2, "data is missing")
    assert_fails(run("train", reviews, "--out", out, "--hidden", "wide"), 2, "hidden")
    assert_fails(run("train", reviews, "--preset", tiny_bert, "--out", out, "--optimizer", "sgd"), 2, "adamw")
    assert_fails(run("predict", trained, reviews, "--out", tmp_path / "out.xls"), 2, ".parquet")
    assert run("train", reviews, "--no-such-flag").exit_code == 2
    assert not out.exists()


def test_unusable_data_is_reported(trained, tmp_path):
    out = tmp_path / "m"
    one = write_csv(tmp_path / "one.csv", [("a", "x"), ("b", "x")])
    assert_fails(run("train", one, "--out", out), 3, "one.csv", "'x'")
    two = write_csv(tmp_path / "two.csv", [(f"text {n}", "xy"[n % 2]) for n in range(40)])
    unseen = write_csv(tmp_path / "unseen.csv", [("a", "x"), ("b", "z")])
    assert_fails(run("train", two, "--test", unseen, "--out", out), 3, "unseen.csv", "'z'")
    assert_fails(run("train", tmp_path / "absent.csv", "--out", out), 3, "absent.csv")
    assert_fails(run("train", two, "--text", "body", "--out", out), 3, "body", "text, label")
    assert_fails(run("predict", trained, tmp_path / "absent.csv", "--out", tmp_path / "p.csv"), 3, "absent.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.csv", "two.csv", "unseen.csv"]


def test_wrong_presets_and_folders_are_reported(reviews, trained, tmp_path):
    assert_fails(run("train", reviews, "--preset", "no-such", "--out", tmp_path / "m"), 4, "no-such", "minilm")
    assert_fails(run("train", reviews, "--out", trained), 5, "already exists")
    assert_fails(run("info", tmp_path), 5, "manifest.json")
    assert_fails(run("predict", tmp_path / "absent", reviews), 5, "absent")
    (tmp_path / "p.csv").write_text("mine")
    assert_fails(run("predict", trained, reviews, "--out", tmp_path / "p.csv"), 3, "exists already")
    assert (tmp_path / "p.csv").read_text() == "mine"


def test_diverging_training_is_reported(reviews, tiny_word_vectors, tmp_path):
    result = run(
        "train", reviews, "--preset", tiny_word_vectors, "--learning-rate", "1e30", "--clip-norm", 0, "--warmup", 0,
        "--schedule", "constant", "--epochs", 50, "--precision", "float32", "--out", tmp_path / "m",
    )  # fmt: skip
    assert_fails(result, 6, "loss")
    assert list(tmp_path.iterdir()) == []


def test_config_file_can_request_a_dry_run(reviews, tiny_bert, tmp_path):
    (tmp_path / "run.toml").write_text("dry_run = true\nepochs = 1\nsequence_length = 4\n")
    out = tmp_path / "model"
    result = run("train", reviews, "--preset", tiny_bert, "--config", tmp_path / "run.toml", "--out", out)
    assert result.exit_code == 0, result.output
    for phrase in ("36 texts", "4 texts", "tokens dropped", "trained of", "without the final test", "GiB at its peak"):
        assert phrase in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]


def test_names_that_are_not_utf8_are_reported():
    assert_fails(run("info", b"mod\xe9l".decode("utf-8", "surrogateescape")), 2, "folder has a byte that is not UTF-8")


def test_preset_of_an_unknown_user_is_reported(reviews, tmp_path):
    assert_fails(
        run("train", reviews, "--preset", "~nobody-of-this-name/x", "--out", tmp_path / "m"), 4, "nor an existing path"
    )


def test_highlight_with_a_file_is_refused(trained, reviews, tmp_path):
    assert_fails(run("predict", trained, reviews, "--highlight", "--out", tmp_path / "x.jsonl"), 2, "drop one")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_full_disk_behind_standard_output_is_one_line(trained):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "textgraft", "info", str(trained)]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.stderr == "error: a file, or standard output: No space left on device\n"
    assert result.returncode == 1


def test_folder_replaced_while_it_is_read_is_reported(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "model")
    stored = model_folder.read(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["README.md"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelFolderError, match="was replaced while it was read; read it again"):
        load_as(TextClassifier, stored, "float32")


def test_option_at_its_default_value_counts_as_set(reviews, tiny_bert, tmp_path):
    frozen = ("--fine-tune", "none", "--head", "logistic", "--weight-decay", 0.01)
    result = run("train", reviews, "--preset", tiny_bert, "--out", tmp_path / "model", *frozen)
    assert_fails(result, 2, "logistic", "weight_decay")


@pytest.mark.parametrize(("typed", "answers"), [("a good film\n\nbad\n", 2), ("", 0)])
def test_each_text_typed_on_a_terminal_is_answered(typed, answers, trained, monkeypatch):
    monkeypatch.setattr(import_module("textgraft.cli.typed_texts"), "are_texts_typed", lambda data: data == "-")
    result = run_successfully("predict", trained, stdin=typed)
    assert "Ctrl-D" in result.stderr
    line = r"prediction (bad|good)  probability [\d.]+\n"
    assert re.fullmatch(f"({line}){{{answers}}}", result.stdout)


def test_log_is_written_beside_the_model_folder(reviews, tiny_word_vectors, tmp_path):
    options = ["--preset", tiny_word_vectors, "--epochs", 2, "--batch-size", 18, "--log", "csv"]
    run_successfully("train", reviews, *options, "--out", tmp_path / "model")
    names = sorted(file.name for file in (tmp_path / "model.log").iterdir())
    assert names == ["config.json", "epochs.csv", "steps.csv"]
    assert len((tmp_path / "model.log" / "epochs.csv").read_text().splitlines()) == 3
    assert_fails(run("train", reviews, "--log", "wandb", "--out", tmp_path / "other"), 2, "csv, tensorboard, mlflow")


@pytest.mark.parametrize("text", ["my invoice is wrong", "Is it? I doubt it.", "no " * 300])
def test_text_in_place_of_a_file_is_reported(trained, text):
    assert_fails(run("predict", trained, text), 3, "no such file; a text itself is read from standard input")
