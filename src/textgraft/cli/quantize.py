"""`textgraft quantize`: a proof that a model's predictions in int8 are those in float32."""

from functools import partial
from typing import Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json, with_progress
from textgraft.cli.output.log import describe_proof, log
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.engines.names import ONNX, check_engine


def quantize(
    folder: o.Folder,
    data: Annotated[str, typer.Argument(help="Source of labelled texts that the model was not trained on.")],
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(without=("problem",))],
    runtime_options: Annotated[o.RuntimeOptions, o.Group(only=("threads",))],
    json: o.Json = False,
) -> None:
    """Prove that a model may predict in int8, and store the proof in its folder.

    At least 99 % of the predictions must be equal, and at most 0.3 points of the metric may be lost. Where int8 does
    not suffice, the parts of the network that lose most stay in float32. A proof is for one kind of processor.

    Examples:
        textgraft quantize sentiment held-out.csv

        textgraft predict sentiment reviews.csv --engine onnx --precision int8
    """
    from textgraft.cli.inputs import read_evaluation_data
    from textgraft.model_folder import folder as model_folder
    from textgraft.model_folder.rewriting import store_proofs

    check_engine(ONNX, "float32")
    stored = model_folder.read(folder)
    dataset = read_evaluation_data(stored, data, reading, sources.split)
    load_tensorflow()
    from textgraft.tasks.loading import load_as
    from textgraft.tasks.trainable import TrainableTask

    model = load_as(TrainableTask, stored, engine=ONNX)
    proof = model.quantize(dataset, with_progress=partial(with_progress, total=len(dataset)))
    store_proofs(stored, model.record["int8"])
    if json:
        print_json(proof)
    log(
        describe_proof(proof),
        f"the proof for {proof['processor']} is in {folder}; next: textgraft predict {folder} FILE --engine onnx "
        "--precision int8",
    )
