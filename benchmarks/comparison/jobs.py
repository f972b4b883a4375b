"""Jobs of the comparison: their rows, and the file from which a peer reads them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.model_selection import train_test_split

import textgraft as tg
from benchmarks.comparison.roster import PEERS, Peer
from benchmarks.report import data_folder
from textgraft.runtime import start_tensorflow

_TUTORIAL = dict.fromkeys(("legacy_tutorial", "textgraft_word_vectors"), "its vectors are random; see the tutorial")
_PREDICTS = {"hf_pipeline": "same training as HF Trainer; see the prediction job"}
_PAIRS = {"setfit_": "by default it trains on all pairs of texts, more than half a million"}
_HOURS = dict.fromkeys(("hf_trainer", "keras_hub_classifier"), "takes about three hours on 2 cores")
_PADDED = {
    "keras_hub_classifier": "all seeds take about half an hour on 2 cores, by its speed on 1,000 reviews: float32, and "
    "every text padded to 256 tokens"
}


def _all_but(*names: str) -> dict[str, str]:
    return {name: "not part of this job" for name in PEERS if name not in names}


@dataclass(frozen=True)
class Job:
    """A data set with its sizes and peers.

    Attributes:
        name: value of `--jobs`.
        title: name in tables and figures.
        data: folder of the data set.
        train_rows: size of the stratified sample; None for all rows.
        test_rows: number of rows from the shuffled test set; None for all.
        seeds: seeds of the sample and of the training.
        excluded: peers that do not take part, and the reason.
        parts: `split` argument of `load_dataset`: training, optional validation, and test rows.
        hub_module: whether its peers need a TF-Hub text embedding.
    """

    name: str
    title: str
    data: str
    train_rows: int | None
    test_rows: int | None
    seeds: tuple[int, ...]
    excluded: Mapping[str, str] = field(default_factory=dict)
    parts: str = "train,test"
    hub_module: bool = False

    def peers(self) -> list[Peer]:
        """The peers that are not left out."""
        return [peer for name, peer in PEERS.items() if name not in self.excluded]


_SMALL = (0, 1, 2)
_ALL = (
    Job("imdb_16", "IMDb, 16 labelled texts", "imdb", 16, 2000, _SMALL, _TUTORIAL | _PREDICTS),
    Job("imdb_64", "IMDb, 64 labelled texts", "imdb", 64, 2000, _SMALL, _TUTORIAL | _PREDICTS),
    Job("imdb_1000", "IMDb, 1,000 labelled texts", "imdb", 1000, 2000, _SMALL, _TUTORIAL | _PREDICTS | _PAIRS),
    Job("imdb_25000", "IMDb, 25,000 labelled texts", "imdb", None, None, (0,), _TUTORIAL | _PREDICTS | _PAIRS | _HOURS),
    Job("agnews_64", "AG News, 64 labelled texts", "agnews", 64, None, _SMALL, _TUTORIAL | _PREDICTS),
    Job("agnews_2000", "AG News, 2,000 labelled texts", "agnews", 2000, None, _SMALL,
        _TUTORIAL | _PREDICTS | _PAIRS | _PADDED),
    Job("trec", "TREC, 5,452 labelled texts", "trec", None, None, (0,), _TUTORIAL | _PREDICTS | _PAIRS | _PADDED),
    Job(
        "tutorial", "The tutorial: IMDb, 15,000 labelled texts", "imdb", None, None, (0,),
        _all_but("textgraft_word_vectors", "legacy_tutorial", "tfidf_lr"), "train[:60%],train[60%:],test", True,
    ),
    Job(
        "predict", "Prediction of 5,000 IMDb reviews", "imdb", 64, 5000, (0,),
        _all_but(
            "textgraft_fine_tune", "hf_pipeline", "hf_trainer", "textgraft_frozen", "sentence_transformers_lr"
        ),
    ),
)  # fmt: skip
JOBS = {job.name: job for job in _ALL}


def sample_rows(labels: Sequence[str] | np.ndarray, rows: int | None, seed: int) -> np.ndarray:
    """Shuffled indices of a stratified sample; of all rows when `rows` is None.

    Args:
        labels: labels of all rows.
        rows: size of the sample.
        seed: random seed.
    """
    if rows is None:
        return np.random.default_rng(seed).permutation(len(labels))
    return train_test_split(np.arange(len(labels)), train_size=rows, stratify=labels, random_state=seed)[0]


def test_row_indices(count: int, rows: int | None) -> np.ndarray:
    """Indices of the test rows: the first `rows` of a shuffle that is the same for every seed; None for all."""
    return np.random.default_rng(0).permutation(count)[:rows]


def write(job: Job, seed: int, folder: Path, module: Path | None) -> dict[str, object]:
    """Write the rows of a job as Parquet files.

    Args:
        job: the job.
        seed: random seed of the sample.
        folder: an existing folder.
        module: SavedModel folder of a TF-Hub text embedding.

    Returns:
        content of every peer's job file, without the packages.
    """
    train, *validation, test = tg.load_dataset(data_folder() / job.data, split=job.parts, label="label")
    parts = {
        "train": train.take(sample_rows(train.require_labels(), job.train_rows, seed)),
        "test": test.take(test_row_indices(len(test), job.test_rows)),
        **dict(zip(["validation"], validation, strict=False)),
    }
    for name, part in parts.items():
        pq.write_table(_table(part), folder / f"{name}.parquet")
    return {
        "labels": train.label_names,
        "seed": seed,
        "minilm": minilm_folder(),
        "module": str(module) if module else None,
        **{
            name: str(folder / f"{name}.parquet") if name in parts else None for name in ("train", "validation", "test")
        },
    }


def write_for(peer: Peer, task: Mapping[str, object], folder: Path) -> Path:
    """Write a peer's job file."""
    path = folder / f"{peer.name}.json"
    path.write_text(json.dumps({**task, "packages": peer.packages}), encoding="utf-8")
    return path


def _table(data: tg.Dataset) -> pa.Table:
    texts = [text.decode() for batch in data.batches() for text in batch.texts]
    return pa.table({"text": texts, "label": data.require_labels().tolist()})


def minilm_folder() -> str:
    """Folder of minilm's files, verified."""
    start_tensorflow()  # silences its log
    from textgraft.backbones import presets

    minilm = presets.find_source("minilm").resolve("minilm", download=True)
    presets.verify_files(minilm)
    return str(minilm.path)
