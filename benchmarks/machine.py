"""The machine that runs a benchmark, as results name it."""

import os
import re
import sys

from textgraft.processor import processor

# Kinds of x86 processors, as `textgraft.processor` names them; results name those without a run.
KINDS = ("AVX2", "AVX-512", "AVX-512 BF16", "AMX")

_LIMIT = "ONEDNN_MAX_CPU_ISA"


def name() -> str:
    """Processor with its kind, cores and memory, such as "AMD EPYC with AVX-512 BF16, 2 cores, 24 GiB"."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{processor().name} with {processor().kind}, {os.cpu_count()} cores, {memory:.0f} GiB"


def kind() -> str:
    """The processor's kind, and the limit on its instructions where an environment variable sets one."""
    limit = os.environ.get(_LIMIT)
    return f"{processor().kind} limited to {limit}" if limit else processor().kind


def kind_of(machine: str) -> str:
    """The kind of processor in a name of a machine."""
    match = re.search(r" with (.+), \d+ cores", machine)
    return match[1] if match else machine


def order_of(machine: str) -> tuple[int, str]:
    """Sort key: kinds from the oldest instructions to the newest, then the name."""
    kind = kind_of(machine)
    return KINDS.index(kind) if kind in KINDS else len(KINDS), machine


def require_all_instructions() -> None:
    """Exit with a message where an environment variable limits the instructions: stored results are a machine's own."""
    if limit := os.environ.get(_LIMIT):
        sys.exit(f"{_LIMIT} is {limit}, and results are stored for the processor with all its instructions; unset it")
