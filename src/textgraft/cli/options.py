"""The options that verbs share, each described once."""

from pathlib import Path
from typing import Annotated

import typer

# Data
Source = Annotated[str | None, typer.Argument(help="CSV, TSV, JSONL, Parquet, lines, a folder, tfds:NAME or hf:NAME.")]
Text = Annotated[str | None, typer.Option(help="Column of the texts; guessed when there is no doubt.")]
Label = Annotated[str | None, typer.Option(help="Column of the labels; guessed when there is no doubt.")]
Pair = Annotated[str | None, typer.Option(help="Column of second texts, where each row is a pair.")]
Split = Annotated[str | None, typer.Option(help="Parts of the data, as in 'train[:60%],train[60%:],test'.")]
Objective = Annotated[
    str | None,
    typer.Option(help="single-label, multi-label or regression.  [multi-label for lists, else single-label]"),
]
LabelSeparator = Annotated[str | None, typer.Option(help="Between the labels of a cell, such as '|'.")]
Encoding = Annotated[str | None, typer.Option(help="Of the text files; UTF-8 unless named.")]
Empty = Annotated[str | None, typer.Option(help="What to do with empty texts: error, drop or keep.")]
Format = Annotated[str | None, typer.Option(help="Where the file name does not tell: csv, tsv, jsonl, ...")]

# Model
Task = Annotated[
    str | None,
    typer.Option(
        help="text-classification, token-classification, text-generation, fill-mask; else told by the columns."
    ),
]
Preset = Annotated[str | None, typer.Option(help="Pretrained model: see `textgraft presets`.")]
VocabularyLimit = Annotated[int | None, typer.Option(help="Of a file of word vectors: how many words are read.")]
TrustSavedModel = Annotated[
    bool | None, typer.Option("--trust-savedmodel", help="Open a SavedModel, a program, wherever it is from.")
]
Pooling = Annotated[str | None, typer.Option(help="Token vectors to a text vector: mean, cls, max, last or sqrtn.")]
Hidden = Annotated[str | None, typer.Option(help="Widths of hidden layers before the output, as in 16 or 64,16.")]
Dropout = Annotated[float | None, typer.Option(help="Share of the head's inputs dropped in training.  [0.1]")]
SequenceLength = Annotated[int | None, typer.Option(help="Longest text, in tokens; 0 for the model's limit.  [256]")]
Truncation = Annotated[str | None, typer.Option(help="Of a longer text: head, head+tail, or windows for all.  [head]")]
Precision = Annotated[str | None, typer.Option(help="auto, float32 or mixed_bfloat16.  [auto]")]
Lowercase = Annotated[bool | None, typer.Option("--lowercase", help="Clean: lower-case.")]
StripPunctuation = Annotated[bool | None, typer.Option("--strip-punctuation", help="Clean: delete punctuation.")]
StripHtml = Annotated[bool | None, typer.Option("--strip-html", help="Clean: tags to spaces, entities to characters.")]
NormalizeUnicode = Annotated[bool | None, typer.Option("--normalize-unicode", help="Clean: Unicode NFKC.")]

Decoding = Annotated[
    str | None, typer.Option(help="Of spans: constrained (none goes on that has not begun) or free.  [constrained]")
]

# Training
FineTune = Annotated[
    str | None,
    typer.Option(help="all, none (feature extraction), last:N (the N highest blocks) or lora:R (of rank R).  [all]"),
]
CacheDtype = Annotated[
    str | None, typer.Option(help="With last:N, how what is below is kept: float16 or float32.  [float16]")
]
Balance = Annotated[str | None, typer.Option(help="For rare labels: none, weights, focal or oversample.  [none]")]
LayerDecay = Annotated[float | None, typer.Option(help="Of the learning rate, from a block to the one below.  [1]")]
GradualUnfreezing = Annotated[
    bool | None, typer.Option("--gradual-unfreezing", help="The head first, one more block in each epoch.")
]
Head = Annotated[
    str | None,
    typer.Option(help="Begins at random (gradient) or as logistic regression.  [logistic if few texts or frozen]"),
]
Epochs = Annotated[int | None, typer.Option(help="Most passes over the texts; by default more where they are few.")]
BatchSize = Annotated[int | None, typer.Option(help="Texts in a step.")]
BatchTokens = Annotated[int | None, typer.Option(help="Padded tokens at once; a step of more is done in parts.")]
LearningRate = Annotated[float | None, typer.Option(help="At its peak.")]
Optimizer = Annotated[str | None, typer.Option(help="adam or adamw.")]
WeightDecay = Annotated[float | None, typer.Option(help="Of adamw.  [0.01]")]
Schedule = Annotated[str | None, typer.Option(help="linear (warm-up, then decay to zero) or constant.")]
Warmup = Annotated[float | None, typer.Option(help="Share of the steps in which a linear schedule rises.  [0.1]")]
ClipNorm = Annotated[float | None, typer.Option(help="Largest global norm of the gradients; 0 for none.")]
Patience = Annotated[
    int | None,
    typer.Option(help="Epochs without a better validation score or loss before stopping.  [3, of few texts more]"),
]
Seed = Annotated[int | None, typer.Option(help="Of the split, the head, the order and dropout.  [0]")]

# Generation
MaxNewTokens = Annotated[int | None, typer.Option(help="Most tokens after a prompt.  [128, at most half the context]")]
Temperature = Annotated[
    float | None, typer.Option(help="Draw tokens: above 1 more freely, below 1 less; 0 draws none.")
]
TopK = Annotated[int | None, typer.Option(help="Draw from so many of the most probable tokens.")]
TopP = Annotated[float | None, typer.Option(help="Draw from the fewest tokens that have this share of probability.")]
NumBeams = Annotated[
    int | None, typer.Option(help="Follow so many texts side by side, and take the most probable one.")
]
PenaltyAlpha = Annotated[
    float | None, typer.Option(help="Contrastive search: how much likeness to tokens before counts, as in 0.6.")
]
Stop = Annotated[list[str] | None, typer.Option(help="End before this string; may be given several times.")]

# Run
Out = Annotated[str | None, typer.Option(help="The model folder to write.")]
Config = Annotated[Path | None, typer.Option(help="A TOML file with these same words; flags win over it.")]
Validation = Annotated[str | None, typer.Option(help="Data that judges each epoch; else a tenth is kept.")]
SaveMinutes = Annotated[float | None, typer.Option(help="Between two checkpoints in an epoch.  [5]")]
DryRun = Annotated[bool | None, typer.Option("--dry-run", help="Say what it would take, and train nothing.")]
Restart = Annotated[bool | None, typer.Option("--restart", help="Begin anew, whatever was unfinished.")]
Fast = Annotated[bool | None, typer.Option("--fast", help="Allow results that differ from run to run.")]

# Machine
Threads = Annotated[int | None, typer.Option(help="Processor threads; by default one per core.")]

# Files
Folder = Annotated[Path, typer.Argument(help="A model folder.")]
Overwrite = Annotated[bool | None, typer.Option("--overwrite", help="Replace what is there.")]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON instead of tables.")]
