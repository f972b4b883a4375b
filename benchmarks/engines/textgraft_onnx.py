"""textgraft with ONNX Runtime: `python -m benchmarks.engines.textgraft_onnx FOLDER float32 REPETITIONS`."""

from benchmarks.engines import contract, textgraft_


def main() -> None:
    """Measure a batch of prediction."""
    folder, precision, repetitions = contract.arguments()
    model = textgraft_.new_model(folder, precision)
    model.use_engine("onnx")
    contract.print_seconds({contract.FORWARD: lambda *shape: textgraft_.forward(model, *shape)}, repetitions)


if __name__ == "__main__":
    main()
