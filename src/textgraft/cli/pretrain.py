"""`textgraft pretrain`: training of a small backbone and its vocabulary from scratch."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from textgraft.backbones.sizes import Sizes
from textgraft.cli import options as o
from textgraft.cli.parameters import Group
from textgraft.cli.runs import (
    LanguageModelRun,
    read_unlabelled,
    require,
    start_deterministic_tensorflow,
    train_into_folder,
)
from textgraft.data.reading import Reading
from textgraft.options import option
from textgraft.text.cleaning import Cleaning
from textgraft.training.config import TrainingConfig

if TYPE_CHECKING:
    from textgraft.data.dataset import Dataset
    from textgraft.training.checkpoints import Checkpoints


@dataclass(frozen=True)
class VocabularyOptions:
    """The family of the backbone, and its vocabulary."""

    family: str = option("bert", "Model family: bert, roberta, gpt2, ...", panel="Model")
    vocabulary_size: int = option(8000, "Maximum size of the vocabulary.", panel="Model")
    cased: bool = option(False, "Keep capital letters and accents in a WordPiece vocabulary.", panel="Model")


def pretrain(
    sources: Annotated[o.Sources, Group(without=("test",))],
    reading: Annotated[Reading, Group(only=("text", "encoding", "empty", "format"))],
    cleaning: Cleaning,
    sizes: Sizes,
    vocabulary_options: VocabularyOptions,
    training_config: Annotated[
        TrainingConfig,
        Group(
            without=("fine_tune", "head", "cache_dtype", "balance", "layer_decay", "gradual_unfreezing"),
            batch_size=32,
            learning_rate=1e-3,
        ),
    ],
    run: Annotated[o.RunOptions, Group(without=("verbose",))],
    runtime_options: o.RuntimeOptions,
    data: o.Data = None,
    config: o.Config = None,
) -> None:
    """Pretrain a small backbone from random weights.

    Texts need no labels; the saved folder is a preset for every task.

    A backbone that was pretrained on many texts is better: prefer `textgraft adapt` where there is one.

    An interrupted run resumes from its last checkpoint, in FOLDER.run, when the same command is run again.

    Examples:
        textgraft pretrain books.parquet --out small --config small.toml

        textgraft pretrain books.parquet --out writer --family gpt2
    """
    from textgraft.cli.output.console import log

    usage = "textgraft pretrain DATA --out FOLDER"
    require(usage, data=data, **({} if run.dry_run else {"out": run.out}))

    def build(checkpoints: "Checkpoints") -> LanguageModelRun:
        splits = read_unlabelled(str(data), sources, reading, training_config.seed)
        start_deterministic_tensorflow(runtime_options, run.fast)
        from textgraft.backbones.untrained import untrained
        from textgraft.runtime import choose_precision
        from textgraft.tasks.trainable import language_task

        precision = choose_precision(runtime_options.precision)
        vocabulary = _make_vocabulary(vocabulary_options, cleaning, splits.train, checkpoints)
        backbone = untrained(vocabulary_options.family, sizes, vocabulary, precision, training_config.seed)
        log(
            f"{vocabulary_options.family} with random weights and a vocabulary of {backbone.vocabulary_size:,} tokens "
            "made of these texts"
        )
        model = language_task(
            backbone,
            precision,
            cleaning=cleaning,
            sequence_length=sizes.sequence_length,
            seed=training_config.seed,
        )
        return LanguageModelRun(model, splits)

    if run.dry_run:
        from textgraft.training.checkpoints import Checkpoints

        with tempfile.TemporaryDirectory() as scratch, Checkpoints(Path(scratch) / "run") as checkpoints:
            build(checkpoints).plan(training_config)
        return
    folder = train_into_folder(run, lambda checkpoints: build(checkpoints).train(training_config, checkpoints))
    log(f"saved {folder}; next: textgraft train FILE --preset {folder} --out ANOTHER")


def _make_vocabulary(
    vocabulary_options: VocabularyOptions, cleaning: Cleaning, train: "Dataset", checkpoints: "Checkpoints"
) -> Path:
    """The folder of the tokenizer's files, made once per run."""
    from textgraft.backbones.untrained import make_vocabulary
    from textgraft.runtime import versions
    from textgraft.training.corpus import document_chunks

    family, size, cased = vocabulary_options.family, vocabulary_options.vocabulary_size, vocabulary_options.cased
    identity = {
        "family": family, "size": size, "cased": cased, "cleaning": asdict(cleaning), "versions": versions(),
        "data_sha256": train.fingerprint(),
    }  # fmt: skip

    def make() -> dict[str, list[bytes]]:
        texts = document_chunks((batch.texts for batch in train.batches(64)), cleaning)
        return {name: [content] for name, content in make_vocabulary(family, texts, size, cased).items()}

    return checkpoints.prepared_files("vocabulary", identity, make)
