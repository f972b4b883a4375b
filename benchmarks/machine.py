"""The machine that runs a benchmark, as results name it."""

import os
import re
import sys
from pathlib import Path

from textgraft.processor import processor

# Kinds of x86 processors, as `textgraft.processor` names them; results name those without a run.
KINDS = ("AVX2", "AVX-512", "AVX-512 BF16", "AMX")

_LIMIT = "ONEDNN_MAX_CPU_ISA"


def name() -> str:
    """Processor with its kind, cores and memory, such as "AMD EPYC (Zen 4) with AVX-512 BF16, 2 cores, 24 GiB"."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{processor().name}{_generation()} with {processor().kind}, {os.cpu_count()} cores, {memory:.0f} GiB"


def _generation(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Generation of an AMD processor, such as " (Zen 4)", which virtual machines leave out of its name; "" for others.

    Zen 5 multiplies twice as many numbers per cycle as Zen 4 with the same instructions.
    """
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    values = dict(re.findall(r"^(vendor_id|cpu family|model)\s*:\s*(\S+)$", text, re.MULTILINE))
    if values.get("vendor_id") != "AuthenticAMD":
        return ""
    family, model = int(values["cpu family"]), int(values["model"])
    zen4 = 0x10 <= model < 0x20 or 0x60 <= model < 0x80 or 0xA0 <= model < 0xB0
    generation = {25: 4 if zen4 else 3, 26: 5}.get(family)
    return f" (Zen {generation})" if generation else ""


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
