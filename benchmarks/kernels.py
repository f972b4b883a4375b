"""The network of minilm at fixed shapes: tokens per second of textgraft and of other engines, and share of the peak.

    python -m benchmarks.kernels [--engines ...] [--rounds N] [--repetitions N]

Each engine runs in its own process, and all in turns, a few rounds of them, so that other load affects all. The peak is
that of the fastest large float32 matrix product in the same rounds; with bfloat16 the share of it can exceed 1.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from benchmarks.comparison.jobs import minilm_folder
from benchmarks.comparison.roster import ENVIRONMENTS, ROOT
from benchmarks.engines import contract, products
from benchmarks.report import report
from textgraft.processor import processor

_COUNTS = {contract.FORWARD: products.forward, contract.STEP: products.step}


@dataclass(frozen=True)
class Engine:
    """An engine with a precision.

    Attributes:
        title: name in the results.
        module: file of `benchmarks.engines`.
        precision: argument of the module.
        environment: one of `roster.ENVIRONMENTS`.
        package: an optional one that it needs in textgraft's environment.
    """

    title: str
    module: str
    precision: str
    environment: str
    package: str | None = None


_ALL = (
    Engine("textgraft", "textgraft_", "auto", "textgraft"),
    Engine("textgraft-float32", "textgraft_", "float32", "textgraft"),
    Engine("textgraft-onnx", "textgraft_onnx", "float32", "textgraft", "onnxruntime"),
    Engine("torch-float32", "torch_", "float32", "torch"),
    Engine("torch-bfloat16", "torch_", "bfloat16", "torch"),
)
ENGINES = {engine.title: engine for engine in _ALL}


def main() -> None:
    """Run the rounds, and report each engine, work and shape."""
    arguments = _arguments()
    engines = [ENGINES[title] for title in arguments.engines if _can_run(ENGINES[title])]
    folder, repetitions = minilm_folder(), str(arguments.repetitions)
    peaks, runs = [], defaultdict(list)
    for _ in range(arguments.rounds):
        peaks.append(_run("textgraft", "peak", repetitions)["peak"])
        for engine in engines:
            runs[engine.title].append(_run(engine.environment, engine.module, folder, engine.precision, repetitions))
    report("kernels_peak", float32_gflops=round(max(peaks) / 1e9))
    for title, results in runs.items():
        for line in lines(results, max(peaks)):
            report("kernels", engine=title, **line)


def lines(runs: Sequence[Mapping[str, Any]], peak: float) -> list[dict[str, Any]]:
    """Figures of an engine for each work and shape.

    Args:
        runs: results of its rounds, as `contract.print_seconds` prints them.
        peak: floating-point operations per second.
    """
    return [
        {
            "work": work,
            "shape": contract.shape_name(*shape),
            **_figures(work, shape, [run["seconds"][work][contract.shape_name(*shape)] for run in runs], peak),
            **_details(work, shape, runs),
        }
        for work in runs[0]["seconds"]
        for shape in contract.SHAPES
    ]


def _figures(work: str, shape: tuple[int, int], rounds: Sequence[Sequence[float]], peak: float) -> dict[str, Any]:
    """Tokens per second and share of the peak, by the fastest call and by the median one of all rounds."""
    seconds = [call for calls in rounds for call in calls]
    texts, tokens = shape
    operations = _COUNTS[work](products.MINILM, texts, tokens)
    by_speed = {"best": min(seconds), "median": statistics.median(seconds)}
    return {
        "tokens_per_second": {name: round(texts * tokens / value) for name, value in by_speed.items()},
        "share_of_float32_peak": {name: round(operations / value / peak, 3) for name, value in by_speed.items()},
    }


def _details(work: str, shape: tuple[int, int], runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What textgraft adds: its precision, and the mean share of matrix products in the time of its operations."""
    if "product_time_share" not in runs[0]:
        return {}
    shares = [run["product_time_share"][work][contract.shape_name(*shape)] for run in runs]
    return {"precision": runs[0]["precision"], "product_time_share": round(statistics.mean(shares), 3)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the network of minilm at fixed shapes.")
    parser.add_argument(
        "--engines", nargs="+", choices=ENGINES, default=list(ENGINES), metavar="ENGINE", help=", ".join(ENGINES)
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns of all engines (default: %(default)s)")
    parser.add_argument("--repetitions", type=int, default=5, help="calls at a shape (default: %(default)s)")
    return parser.parse_args()


def _can_run(engine: Engine) -> bool:
    """Whether an engine is measured; prints why not. Emulated, bfloat16 would take a hundred times as long."""
    python, target = ENVIRONMENTS[engine.environment]
    problem = None
    if engine.precision == "bfloat16" and not processor().multiplies_bfloat16:
        problem = "the processor does not multiply bfloat16"
    elif not python.exists() or (engine.package and find_spec(engine.package) is None):
        problem = f"its packages are missing; run: make {target}"
    if problem:
        print(f"{engine.title}: not measured, {problem}", file=sys.stderr, flush=True)
    return problem is None


def _run(environment: str, module: str, *arguments: str) -> dict[str, Any]:
    """The results that a module prints on its last line."""
    command = [str(ENVIRONMENTS[environment][0]), "-m", f"benchmarks.engines.{module}", *arguments]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(f"benchmarks.engines.{module} failed:\n{process.stderr[-3000:]}")
    return dict(json.loads(process.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
