"""The peers and the environments that they run in."""

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Name to interpreter and Makefile target.
ENVIRONMENTS = {
    "textgraft": (Path(sys.executable), "venv"),
    "torch": (ROOT / ".venv-torch" / "bin" / "python", "bench-torch"),
    "legacy": (ROOT / ".venv-legacy" / "bin" / "python", "bench-legacy"),
}


@dataclass(frozen=True)
class Peer:
    """A text classifier to compare.

    Attributes:
        name: module in `benchmarks.peers`.
        title: name in tables and figures.
        environment: one of `ENVIRONMENTS`.
        packages: packages whose versions determine the results.
        reference: the textgraft peer that it is compared with; None for textgraft's own.
    """

    name: str
    title: str
    environment: str
    packages: tuple[str, ...]
    reference: str | None = None


_TEXTGRAFT = ("textgraft", "tensorflow", "keras", "keras-hub", "scikit-learn")
_TRANSFORMERS = ("torch", "transformers")
_TRAINER = (*_TRANSFORMERS, "accelerate")
_ENCODER = ("sentence-transformers", "scikit-learn", *_TRANSFORMERS)
_LEGACY = ("tensorflow", "tf-keras", "tensorflow-hub")
_TUNED, _FROZEN, _VECTORS = "textgraft_fine_tune", "textgraft_frozen", "textgraft_word_vectors"

_ALL = (
    Peer(_TUNED, "textgraft, fine-tuned", "textgraft", _TEXTGRAFT),
    Peer(_FROZEN, "textgraft, frozen", "textgraft", _TEXTGRAFT),
    Peer(_VECTORS, "textgraft, word vectors", "textgraft", _TEXTGRAFT),
    Peer("keras_hub_classifier", "KerasHub fit", "textgraft", ("keras-hub", "keras", "tensorflow"), _TUNED),
    Peer("hf_trainer", "HF Trainer", "torch", _TRAINER, _TUNED),
    Peer("hf_pipeline", "HF pipeline", "torch", _TRAINER, _TUNED),
    Peer("setfit_", "SetFit", "torch", ("setfit", *_ENCODER), _TUNED),
    Peer("sentence_transformers_lr", "sentence-transformers + LR", "torch", _ENCODER, _FROZEN),
    Peer("tfidf_lr", "TF-IDF + LR", "textgraft", ("scikit-learn",), _TUNED),
    Peer("nbsvm", "NBSVM", "textgraft", ("scikit-learn", "scipy"), _TUNED),
    Peer("fasttext_", "fastText", "torch", ("fasttext-numpy2",), _TUNED),
    Peer("legacy_tutorial", "tf-keras + hub.KerasLayer", "legacy", _LEGACY, _VECTORS),
)
PEERS = {peer.name: peer for peer in _ALL}


class MissingEnvironmentError(Exception):
    """A peer cannot run here; the message names the command that creates its environment."""


def interpreter(peer: Peer) -> Path:
    """The Python that runs a peer."""
    return ENVIRONMENTS[peer.environment][0]


@cache
def versions(peer: Peer) -> dict[str, str]:
    """Versions of Python and of the peer's packages in its environment.

    Raises:
        MissingEnvironmentError: when the environment or a package is missing.
    """
    python, target = ENVIRONMENTS[peer.environment]
    fix = f"run: make {target}"
    if not python.exists():
        raise MissingEnvironmentError(f"{peer.name}: its environment is missing; {fix}")
    command = [python, "-m", "benchmarks.peers.contract", *peer.packages]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode:
        missing = (answer.stderr.splitlines() or ["a package"])[-1]
        raise MissingEnvironmentError(f"{peer.name}: {missing} is not installed in its environment; {fix}")
    return dict(json.loads(answer.stdout))
