"""Jobs, stored results and the page of the comparison, without the packages of the peers."""

import argparse
import ast
import csv
import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import compare, machine
from benchmarks.comparison import jobs, labels, markdown, picture_files, roster, speed, store, table
from benchmarks.comparison.jobs import JOBS
from benchmarks.comparison.roster import PEERS, ROOT
from benchmarks.report import report
from textgraft.processor import Processor

MACHINE = "M with AVX2, 2 cores, 8 GiB"
VERSIONS = {"python": "3.11.7", "scikit-learn": "1.9.1"}
ONCE = argparse.Namespace(hours=1.0, again=False)
FIGURES = {"fit_seconds": 10.0, "cpu_seconds": 20.0, "predict_seconds": 4.0, "peak_mib": 100, "test_rows": 2000}


def record(peer, seed=0, job="imdb_16", **figures):
    run = {"date": "2026-11-25", "job": job, "peer": peer, "seed": seed, "machine": MACHINE, "versions": VERSIONS}
    return {**run, "accuracy": 0.5, **FIGURES, **figures}


def row_of(page, title, job="imdb_16"):
    section = page.split(f"### {JOBS[job].title}\n")[1].split("\n##")[0]
    (line,) = (line for line in section.splitlines() if line.startswith(f"| {title} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def absence_reason(page, title, job="imdb_16"):
    section = page.split(f"### {JOBS[job].title}\n")[1].split("\n##")[0]
    (line,) = (line for line in section.splitlines() if line.startswith("- ") and title in line.split(": ")[0])
    return line.split(": ", 1)[1]


def processor_row(page, kind):
    (line,) = (line for line in page.split("## Speed")[0].splitlines() if line.startswith(f"| {kind} |"))
    return [cell.strip() for cell in line[1:-1].split("|")]


@pytest.fixture
def small_job(tmp_path, monkeypatch):
    folder = tmp_path / "data" / "imdb"
    folder.mkdir(parents=True)
    for name, rows in (("train", 40), ("test", 30)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *((f"{name} {n}", "ab"[n % 2]) for n in range(rows))])
    monkeypatch.setenv("TEXTGRAFT_DATA", str(tmp_path / "data"))
    return replace(JOBS["imdb_16"], test_rows=20)


def test_sample_is_seeded_stratified_and_exact():
    labels = np.array(["a"] * 60 + ["b"] * 30 + ["c"] * 10)
    drawn = jobs.sample_rows(labels, 20, seed=1)
    assert Counter(labels[drawn]) == {"a": 12, "b": 6, "c": 2}
    assert len(set(drawn)) == 20
    assert drawn.tolist() == jobs.sample_rows(labels, 20, seed=1).tolist()
    assert drawn.tolist() != jobs.sample_rows(labels, 20, seed=2).tolist()


def test_job_without_sample_uses_every_row_once():
    assert sorted(jobs.sample_rows(["a", "b"] * 5, None, seed=3)) == list(range(10))


def test_fewer_test_rows_are_a_prefix_of_the_same_shuffle():
    assert jobs.test_row_indices(100, 7).tolist() == jobs.test_row_indices(100, None)[:7].tolist()


def test_every_peer_reads_the_same_rows(tmp_path, small_job):
    task = jobs.write(small_job, 0, tmp_path, None)
    train, test = (pq.read_table(task[part]).to_pylist() for part in ("train", "test"))
    assert Counter(row["label"] for row in train) == {"a": 8, "b": 8}
    assert len({row["text"] for row in test}) == 20
    assert task["validation"] is None
    files = [json.loads(jobs.write_for(peer, task, tmp_path).read_text()) for peer in small_job.peers()]
    assert all({**file, "packages": None} == {**task, "packages": None} for file in files)


def test_seed_changes_the_training_rows_but_not_the_test_rows(tmp_path, small_job):
    written = []
    for seed in (0, 1):
        task = jobs.write(small_job, seed, tmp_path, None)
        written.append([pq.read_table(task[part]) for part in ("train", "test")])
    assert not written[0][0].equals(written[1][0])
    assert written[0][1].equals(written[1][1])


def test_stored_runs_are_repeated_on_request_only(tmp_path, small_job, monkeypatch):
    path, ran = tmp_path / "compare.jsonl", []
    monkeypatch.setattr(roster, "versions", lambda peer: VERSIONS)
    monkeypatch.setattr(store.read, "__defaults__", (path,))
    monkeypatch.setattr(store.append, "__defaults__", (path,))
    monkeypatch.setattr(compare, "_measure", lambda peer, file, hours: ran.append(peer.name) or {"accuracy": 0.5})
    peers = [PEERS["tfidf_lr"], PEERS["nbsvm"]]
    again = argparse.Namespace(hours=1.0, again=True)
    assert compare._run_job(small_job, 0, peers[:1], ONCE, tmp_path / "a")
    assert compare._run_job(small_job, 0, peers, ONCE, tmp_path / "b")
    assert compare._run_job(small_job, 1, peers[:1], ONCE, tmp_path / "c")
    assert compare._run_job(small_job, 0, peers[1:], again, tmp_path / "d")
    assert ran == ["tfidf_lr", "nbsvm", "tfidf_lr", "nbsvm"]
    assert [(line["peer"], line["seed"]) for line in store.read(path)] == [
        ("tfidf_lr", 0), ("nbsvm", 0), ("tfidf_lr", 1), ("nbsvm", 0),
    ]  # fmt: skip


def test_failed_run_is_not_stored(tmp_path, small_job, monkeypatch):
    monkeypatch.setattr(roster, "versions", lambda peer: VERSIONS)
    monkeypatch.setattr(store.read, "__defaults__", (tmp_path / "none",))
    monkeypatch.setattr(compare, "_measure", lambda peer, file, hours: None)
    assert not compare._run_job(
        small_job, 0, [PEERS["nbsvm"]], argparse.Namespace(hours=1.0, again=False), tmp_path / "a"
    )
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("change", "stored"),
    [({}, True), ({"versions": {"python": "3.12"}}, False), ({"machine": "N"}, False), ({"seed": 1}, False)],
)
def test_run_is_identified_by_job_peer_seed_machine_and_versions(change, stored):
    assert store.is_stored([record("nbsvm")], {**record("nbsvm"), **change}, hours=1) is stored


def test_stopped_run_is_repeated_with_a_longer_limit():
    stopped = record("hf_trainer", stopped_hours=2.0)
    assert store.is_stored([stopped], stopped, hours=2)
    assert not store.is_stored([stopped], stopped, hours=3)


def test_missing_environment_error_names_the_make_target(monkeypatch, tmp_path):
    monkeypatch.setitem(roster.ENVIRONMENTS, "torch", (tmp_path / "python", "bench-torch"))
    roster.versions.cache_clear()
    with pytest.raises(roster.MissingEnvironmentError, match=r"setfit_: .* run: make bench-torch"):
        roster.versions(PEERS["setfit_"])


def test_page_has_means_ranges_and_ratios_over_shared_seeds():
    page = table.build([
        record("textgraft_fine_tune", 0, accuracy=0.8, fit_seconds=5.0, training_seconds=4.0),
        record("textgraft_fine_tune", 1, accuracy=0.9, fit_seconds=500.0),
        record("hf_trainer", 0, accuracy=0.7, fit_seconds=20.0, training_seconds=8.0, peak_mib=400),
    ])  # fmt: skip
    ours, theirs = row_of(page, "textgraft, fine-tuned"), row_of(page, "HF Trainer")
    assert ours[1:5] == ["2", "0.850 (0.800 to 0.900)", "252", "4.0"]
    assert theirs[1:4] == ["1", "0.700", "20 (0.25)"]
    assert theirs[4:] == ["8.0 (0.5)", "20 (1)", "500 (1)", "400 (0.25)", "textgraft, fine-tuned", "2026-11-25"]


def test_latest_record_of_a_run_counts():
    page = table.build([record("nbsvm", accuracy=0.1), record("nbsvm", accuracy=0.2)])
    assert row_of(page, "NBSVM")[1:3] == ["1", "0.200"]


def test_page_lists_every_peer():
    page = table.build([record("hf_trainer"), record("nbsvm", job="imdb_1000")])
    assert absence_reason(page, "NBSVM") == "not run yet"
    assert absence_reason(page, "SetFit", "imdb_1000").startswith("excluded, by default it trains on all pairs")
    for peer in PEERS.values():
        assert peer.name == "hf_trainer" or absence_reason(page, peer.title)


def test_page_names_stopped_peers():
    stopped = record("setfit_", stopped_hours=2.0)
    del stopped["accuracy"]
    for others in ([], [record("nbsvm")]):
        assert absence_reason(table.build([stopped, *others]), "SetFit") == "stopped after 2 hours"


def test_peer_without_training_seconds_has_an_empty_cell():
    assert row_of(table.build([record("nbsvm", training_seconds=None)]), "NBSVM")[4] == ""


def test_page_without_records():
    page = table.build([])
    assert all(processor_row(page, kind) == [kind, "", "not run", "all"] for kind in machine.KINDS)


def test_page_lists_the_jobs_that_each_processor_has_run():
    bf16 = {"machine": "N with AVX-512 BF16, 2 cores, 8 GiB"}
    others = [record("nbsvm", job=name, **bf16) for name in JOBS if name not in ("trec", "predict")]
    page = table.build([record("nbsvm", job=name) for name in JOBS] + others)
    assert processor_row(page, "AVX2") == ["AVX2", MACHINE, "2026-11-25", "none"]
    assert processor_row(page, "AVX-512 BF16")[3] == f"{JOBS['trec'].title}; {JOBS['predict'].title}"
    assert processor_row(page, "AMX") == ["AMX", "", "not run", "all"]


def test_rows_have_the_first_and_the_last_day_of_their_runs():
    page = table.build(
        [record("nbsvm", 0), record("nbsvm", 1, date="2026-11-28"), record("nbsvm", 2, date="2026-11-26")]
    )
    assert row_of(page, "NBSVM")[-1] == "2026-11-25 to 2026-11-28"


def test_speeds_have_a_column_per_machine_in_the_order_of_its_instructions():
    amx = {"machine": "N with AMX, 2 cores, 8 GiB", "job": "imdb_1000"}
    lines = speed.lines([
        record("textgraft_fine_tune", training_seconds=50.0, date="2026-11-29", **amx),
        record("hf_trainer", training_seconds=200.0, **amx),
        record("hf_trainer", 1, training_seconds=800.0, **amx),
        record("hf_trainer", job="imdb_1000", training_seconds=500.0),
    ])  # fmt: skip
    assert lines[0] == f"| job | compared with | {MACHINE} | {amx['machine']} |"
    assert lines[2].endswith("| HF Trainer | not run | 4 (50 s against 200 s; 2026-11-29) |")
    assert lines[3].endswith("| KerasHub fit | not run | not run |")
    assert lines[-1] == "Not run on other kinds of processors: AVX-512, AVX-512 BF16."


def test_readme_has_the_speeds_of_the_stored_results():
    """Otherwise: `python -m benchmarks.comparison.table`."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert markdown.replace_block(readme, "speed", speed.lines(store.read())) == readme


def test_page_is_that_of_the_stored_results():
    """Otherwise: `python -m benchmarks.comparison.table`."""
    assert table.PATH.read_text(encoding="utf-8") == table.build(store.read())


def test_replaced_block_keeps_the_rest_of_the_page():
    page = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n"
    assert markdown.replace_block(page, "x", ["new", "er"]) == "a\n<!-- x -->\nnew\ner\n<!-- end of x -->\nb\n"


def test_machine_names_its_kind_of_processor(monkeypatch):
    for features, kind in (({"avx2"}, "AVX2"), ({"avx2", "avx512f", "avx512_bf16"}, "AVX-512 BF16")):
        described = Processor("AMD EPYC", "x86_64", frozenset(features))
        monkeypatch.setattr(machine, "processor", lambda described=described: described)
        assert re.match(rf"AMD EPYC( \(Zen \d\))? with {kind}, ", machine.name())
        assert machine.kind_of(machine.name()) == kind


@pytest.mark.parametrize(
    ("vendor", "family", "model", "generation"),
    [
        ("AuthenticAMD", 25, 1, " (Zen 3)"),
        ("AuthenticAMD", 25, 17, " (Zen 4)"),
        ("AuthenticAMD", 26, 2, " (Zen 5)"),
        ("AuthenticAMD", 23, 49, ""),
        ("GenuineIntel", 6, 143, ""),
    ],
)
def test_machine_names_the_generation_of_amd(vendor, family, model, generation, tmp_path):
    lines = f"vendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\nmodel name\t: AMD EPYC\n"
    (tmp_path / "cpuinfo").write_text(2 * lines)
    assert machine._generation(tmp_path / "cpuinfo") == generation


def test_limited_instructions_are_reported_and_not_stored(monkeypatch, capsys):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    report("example", seconds=1)
    assert json.loads(capsys.readouterr().out)["processor"].endswith(" limited to AVX2")
    with pytest.raises(SystemExit, match=r"ONEDNN_MAX_CPU_ISA is AVX2, .*; unset it"):
        machine.require_all_instructions()


@pytest.mark.parametrize("name", PEERS)
def test_only_peers_of_textgraft_import_it(name):
    tree = ast.parse((ROOT / "benchmarks" / "peers" / f"{name}.py").read_text())
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    packages = {module.split(".")[0] for module in modules}
    assert ("textgraft" in packages) == name.startswith("textgraft")
    assert {module for module in modules if module.startswith("benchmarks")} <= {
        "benchmarks.peers.contract", "benchmarks.peers.hf_trainer",
    }  # fmt: skip


def test_excluded_peers_exist():
    assert set().union(*(job.excluded for job in JOBS.values())) <= set(PEERS)
    files = {file.stem for file in (ROOT / "benchmarks" / "peers").glob("*.py")}
    assert files - {"__init__", "contract"} == set(PEERS)


@pytest.mark.parametrize("name", ["tfidf_lr", pytest.param("nbsvm", marks=pytest.mark.slow)])
def test_peer_prints_its_results(name, tmp_path, small_job):
    task = jobs.write(small_job, 0, tmp_path, None)
    file = jobs.write_for(PEERS[name], task, tmp_path)
    command = [sys.executable, "-m", f"benchmarks.peers.{name}", file]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    figures = json.loads(output.splitlines()[-1])
    assert (figures["train_rows"], figures["test_rows"]) == (16, 20)
    assert 0 <= figures["accuracy"] <= 1
    assert set(figures["versions"]) == {"python", *PEERS[name].packages}


@given(st.lists(st.floats(0, 1), max_size=10))
def test_names_beside_the_figure_keep_distance_and_order(heights):
    moved = labels.spread(heights, 0.075)
    order = sorted(range(len(heights)), key=heights.__getitem__)
    assert all(moved[above] - moved[below] > 0.0749 for below, above in itertools.pairwise(order))
    assert all(-1e-9 <= height <= 1 for height in moved)


def test_stored_results_have_known_jobs_and_peers():
    for stored in store.read():
        assert stored["job"] in JOBS
        assert stored["peer"] in PEERS
        assert machine.kind_of(stored["machine"]) in machine.KINDS
        assert not Path(stored["machine"]).is_absolute()


def test_picture_shows_jobs_that_two_peers_ran_on_the_machine():
    runs = [
        {"machine": machine, "job": "trec", "peer": peer, "seed": 0, "accuracy": 0.9}
        for machine, peer in (("one", "hf_trainer"), ("one", "nbsvm"), ("two", "nbsvm"))
    ]
    assert picture_files.shown(runs) == runs[:2]
