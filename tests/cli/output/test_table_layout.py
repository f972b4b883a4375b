"""Tables on terminals of 80 columns."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from textgraft.cli.output.table_layout import fit_tables

LABELS = [f"a_label_of_{number}_letters" for number in range(8)]
NUMBERS = [str(number) for number in range(1000, 1008)]
ERRORS = ("truth", "prediction", "confidence", "location", "text")
WHERE = ("0.907328", "reviews.csv, line 104")
PRESET = "electra_large_discriminator_uncased_en"


def table(columns, *rows):
    result = Table(*columns)
    for row in rows:
        result.add_row(*row)
    return result


def printed(result, width):
    width = max(width, fit_tables(result, width))
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(result)
    lines = console.file.getvalue().splitlines()
    assert all(cell_len(line) <= width for line in lines)
    return lines


@pytest.mark.parametrize(
    ("result", "whole"),
    [
        (table(("preset", "family", "size", "licence", "local"),
               (PRESET, "word_vectors", "1,316 M", "OPT, non-commercial", "yes")), [PRESET, "word_vectors", "1,316 M"]),
        (table(("true", *LABELS), *((label, *NUMBERS) for label in LABELS)), [*LABELS, " ".join(NUMBERS[:1])]),
        (table(("name", "accuracy", "hyperparameters"), ("minilm", "0.8000", "epochs 3, " * 20)), ["minilm", "0.8000"]),
        (table(ERRORS, ("好评", "差评", *WHERE, "这家餐厅服务冷淡，总共花了很多钱。" * 3)), [*ERRORS[:3], WHERE[0]]),
        (table(ERRORS, ("ดี", "แย่", *WHERE, "อาหารไม่อร่อยบริการแย่แพงมาก" * 4)), [*ERRORS[:3], WHERE[0]]),
    ],
    ids=["presets", "confusion matrix", "leaderboard", "Chinese errors", "Thai errors"],
)  # fmt: skip
def test_wide_table_breaks_no_number_and_no_name(result, whole):
    lines = printed(result, 80)
    assert max(map(cell_len, lines)) <= 80
    for text in whole:
        assert any(text in line for line in lines), text
    assert not any("…" in line for line in lines)


def test_table_that_fits_is_unchanged():
    assert printed(table(("a", "b"), ("1", "2")), 80) == printed(table(("a", "b"), ("1", "2")), 500)


def test_table_that_cannot_fit_is_printed_wider():
    lines = printed(table(("true", *LABELS), *((label, *NUMBERS) for label in LABELS)), 20)
    assert all(any(number in line for line in lines) for number in NUMBERS)
