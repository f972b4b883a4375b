"""`textgraft pretrain`: training of a small backbone and its vocabulary from scratch."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from textgraft.backbones.sizes import Sizes
from textgraft.cli import options as o
from textgraft.cli.language_models import OPTIONS_OF_HEADS, train_language_model
from textgraft.cli.output.log import log
from textgraft.cli.runs import require
from textgraft.data.columns import Reading
from textgraft.data.file_options import FILE_OPTIONS
from textgraft.options import option
from textgraft.text.cleaning import Cleaning
from textgraft.training.config import TrainingConfig

if TYPE_CHECKING:
    from textgraft.data.dataset import Dataset
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.training.checkpoints import Checkpoints


@dataclass(frozen=True)
class VocabularyOptions:
    """The family of the backbone, and its vocabulary."""

    family: str = option("bert", "Model family: bert, roberta, gpt2, ...", panel="Model")
    vocabulary_size: int = option(8000, "Maximum size of the vocabulary.", panel="Model")
    cased: bool = option(False, "Keep capital letters and accents in a WordPiece vocabulary.", panel="Model")


def pretrain(
    sources: Annotated[o.Sources, o.Group(without=("unlabelled", "test", "test_share"))],
    reading: Annotated[Reading, o.Group(only=("text", *FILE_OPTIONS, "empty", "format"))],
    cleaning: Cleaning,
    sizes: Sizes,
    vocabulary_options: VocabularyOptions,
    training_config: Annotated[
        TrainingConfig,
        o.Group(
            without=(*OPTIONS_OF_HEADS, "fine_tune", "layer_decay", "step_parts"),
            defaults={"batch_size": 32, "learning_rate": 1e-3},
        ),
    ],
    run: o.RunOptions,
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
    require("textgraft pretrain DATA --out FOLDER", run, data=data)

    def build_model(train: "Dataset", checkpoints: "Checkpoints") -> "TrainableTask":
        from textgraft.backbones.untrained import untrained
        from textgraft.runtime import choose_precision
        from textgraft.tasks.language_modelling import language_task

        family, seed, precision = vocabulary_options.family, training_config.seed, runtime_options.precision
        precision = choose_precision(precision)
        vocabulary = _make_vocabulary(vocabulary_options, cleaning, train, checkpoints)
        backbone = untrained(family, sizes, vocabulary, precision, seed)
        log(f"{family} with random weights; vocabulary of {backbone.vocabulary_size:,} tokens learned from these texts")
        length = sizes.sequence_length
        return language_task(backbone, precision, cleaning=cleaning, sequence_length=length, seed=seed)

    train_language_model(build_model, str(data), sources, reading, training_config, run, runtime_options)


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
