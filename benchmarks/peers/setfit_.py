"""SetFit (Tunstall et al., 2022): contrastive fine-tuning on pairs of texts, then a head, with default settings."""

import tempfile

import numpy as np
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments
from transformers import set_seed

from benchmarks.peers.contract import SEQUENCE_LENGTH, Predict, Task, run


def fit(task: Task) -> Predict:
    """Train one epoch over all pairs of texts, the default."""
    set_seed(task.seed)
    model = SetFitModel.from_pretrained(task.minilm, device="cpu")
    model.model_body.max_seq_length = SEQUENCE_LENGTH
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(), seed=task.seed, save_strategy="no", report_to="none", show_progress_bar=False
    )
    rows = Dataset.from_dict({"text": task.train.texts, "label": task.train.targets.tolist()})
    Trainer(model, arguments, train_dataset=rows).train()
    return lambda texts: np.asarray(model.predict(texts))


if __name__ == "__main__":
    run(fit)
