"""The benchmark of engines at fixed shapes: counts, shares and figures, with a tiny model."""

import itertools
import json
import sys

import numpy as np
import pytest

from benchmarks import kernels
from benchmarks.comparison.roster import ENVIRONMENTS, ROOT
from benchmarks.engines import contract, op_times, products


def test_products_are_those_of_the_layers():
    texts, tokens, heads, head_width = 2, 8, 3, 4
    width, hidden = heads * head_width, 20
    rows = texts * tokens
    factors = [
        *[(rows, width, width)] * 4,
        (rows, width, hidden),
        (rows, hidden, width),
        *[(tokens, head_width, tokens), (tokens, tokens, head_width)] * texts * heads,
    ]
    counted = sum(2 * m * k * n for m, k, n in factors)
    assert products.forward(products.Sizes(1, width, hidden), texts, tokens) == counted
    assert products.step(products.Sizes(5, width, hidden), texts, tokens) == 15 * counted


def test_sizes_are_those_of_minilm():
    """With its tables and the pooler, the matrices of the layers are its 22.7 million parameters."""
    minilm = products.MINILM
    matrices = minilm.layers * (4 * minilm.width**2 + 2 * minilm.width * minilm.hidden)
    tables = (30_522 + 512 + 2) * minilm.width + minilm.width**2
    assert (matrices + tables) / 1e6 == pytest.approx(22.7, abs=0.1)


def test_figures_are_of_the_fastest_and_the_median_call():
    seconds = {"forward": {"32x128": [2.0, 4.0, 8.0], "16x256": [4.0]}}
    rounds = [{"seconds": seconds}, {"seconds": {"forward": {"32x128": [1.0, 16.0], "16x256": [4.0]}}}]
    peak = products.forward(products.MINILM, 32, 128) / 0.5
    first, second = kernels.lines(rounds, peak)
    assert (first["work"], first["shape"], second["shape"]) == ("forward", "32x128", "16x256")
    assert first["tokens_per_second"] == {"best": 4096, "median": 1024}
    assert first["share_of_float32_peak"] == {"best": 0.5, "median": 0.125}


def test_share_counts_the_products_among_the_operations(tmp_path):
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    events = {"a/MatMul:_MklFusedMatMul": 50, "b/einsum:Einsum": 10, "c:Mul": 40, "ExecutorState::Process": 900}
    space = xplane_pb2.XSpace()
    for plane in (space.planes.add(name="/host:CPU"), space.planes.add(name="Task")):
        line = plane.lines.add()
        for key, (name, duration) in enumerate(events.items()):
            plane.event_metadata[key].name = name
            line.events.add(metadata_id=key, duration_ps=duration)
    (tmp_path / "host.xplane.pb").write_bytes(space.SerializeToString())
    assert op_times.share_of_products(op_times.operations(tmp_path)) == 0.6


def test_engines_have_files_and_environments():
    for engine in kernels.ENGINES.values():
        assert (ROOT / "benchmarks" / "engines" / f"{engine.module}.py").exists()
        assert engine.environment in ENVIRONMENTS


def test_calls_after_the_warm_up_are_measured():
    calls = itertools.count()
    assert len(contract.seconds_of(lambda: next(calls), 3)) == 3
    assert next(calls) == 5


@pytest.mark.slow
def test_textgraft_engine_measures_prediction_and_training(tiny_bert, monkeypatch, capsys):
    from benchmarks.engines import textgraft_

    ids = np.arange(12, dtype=np.int32).reshape(2, 6)
    monkeypatch.setattr(contract, "SHAPES", ((2, 6),))
    monkeypatch.setattr(contract, "token_ids", lambda *_: ids)
    monkeypatch.setattr(sys, "argv", ["textgraft_", str(tiny_bert), "float32", "2"])
    textgraft_.main()
    printed = json.loads(capsys.readouterr().out)
    assert {work: len(shapes["2x6"]) for work, shapes in printed["seconds"].items()} == {"forward": 2, "step": 2}
    assert all(0 < shapes["2x6"] < 1 for shapes in printed["product_time_share"].values())
    assert printed["precision"] == "float32"
