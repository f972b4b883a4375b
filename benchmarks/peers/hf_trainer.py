"""Hugging Face `Trainer` on PyTorch: defaults except for epochs, tokens and checkpoints (none)."""

import tempfile

import torch
from datasets import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    set_seed,
)

from benchmarks.peers.contract import EPOCHS, SEQUENCE_LENGTH, Predict, Task, run


def fit(task: Task) -> Predict:
    """Train, and predict with the same trainer."""
    trainer, tokenizer = trained(task)

    def predict(texts: list[str]) -> object:
        return trainer.predict(_tokenized(texts, tokenizer)).predictions.argmax(axis=1)

    return predict


def trained(task: Task) -> tuple[Trainer, PreTrainedTokenizerBase]:
    """A trainer after training, and its tokenizer."""
    set_seed(task.seed)
    tokenizer = AutoTokenizer.from_pretrained(task.minilm)
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        num_train_epochs=EPOCHS,
        seed=task.seed,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
    )
    rows = _tokenized(task.train.texts, tokenizer).add_column("label", task.train.targets.tolist())
    trainer = Trainer(_model(task), arguments, train_dataset=rows, processing_class=tokenizer)
    with task.training:
        trainer.train()
    return trainer, tokenizer


def _model(task: Task) -> PreTrainedModel:
    return AutoModelForSequenceClassification.from_pretrained(
        task.minilm, num_labels=len(task.labels), dtype=torch.float32
    )


def _tokenized(texts: list[str], tokenizer: PreTrainedTokenizerBase) -> Dataset:
    return Dataset.from_dict({"text": texts}).map(
        lambda batch: tokenizer(batch["text"], truncation=True, max_length=SEQUENCE_LENGTH),
        batched=True,
        remove_columns="text",
    )


if __name__ == "__main__":
    run(fit)
