"""The processor: its name and instructions; does not import TensorFlow."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_ARM, _X86 = ("aarch64", "arm64"), ("x86_64", "amd64", "i386", "i686")

# Of x86, from the newest instructions down, by the feature of which each kind has one.
_KINDS = {
    "AMX": {"amx_bf16"},
    "AVX-512 BF16": {"avx512_bf16"},
    "AVX-512": {"avx512f"},
    "AVX2": {"avx2"},
    "AVX": {"avx"},
}


@dataclass(frozen=True)
class Processor:
    """A processor.

    Attributes:
        name: the manufacturer's name, or the architecture where the system does not report one.
        machine: the architecture, such as "x86_64", "aarch64" or "arm64".
        features: instructions, by the names that Linux gives them: "avx2", "avx512_bf16", "asimd".
    """

    name: str
    machine: str
    features: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """The newest instructions: "AMX", "AVX-512 BF16", "AVX-512", "AVX2", "AVX" or "SSE"; "Arm"; or the machine."""
        if self.machine in _ARM:
            return "Arm"
        if self.machine not in _X86:
            return self.machine
        return next((kind for kind, features in _KINDS.items() if features & self.features), "SSE")

    @property
    def multiplies_bfloat16(self) -> bool:
        """Whether it is an x86 processor that has products of bfloat16."""
        return bool(self.features & {"avx512_bf16", "amx_bf16"})


@cache
def processor() -> Processor:
    """The processor of this machine."""
    machine = os.uname().machine.lower()
    if sys.platform == "darwin":
        return from_sysctl(_sysctl(), machine)
    return from_cpuinfo(_CPUINFO.read_text(errors="replace") if _CPUINFO.exists() else "", machine)


def from_cpuinfo(text: str, machine: str) -> Processor:
    """A processor from the content of Linux's /proc/cpuinfo, whose first core is read."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags") or fields.get("Features") or ""  # of x86, and of Arm
    return Processor(fields.get("model name") or machine, machine, frozenset(flags.split()))


def from_sysctl(values: Mapping[str, str], machine: str) -> Processor:
    """A processor from macOS's `sysctl machdep.cpu`: "brand_string", "features" and "leaf7_features"."""
    names = {"avx1.0": "avx", "avx512vnni": "avx512_vnni", "avx512bf16": "avx512_bf16"}
    flags = " ".join(values.get(name, "") for name in ("features", "leaf7_features")).lower().split()
    features = frozenset(names.get(flag, flag) for flag in flags)
    return Processor(values.get("brand_string") or machine, machine, features)


def _sysctl() -> dict[str, str]:
    """The strings of macOS's `sysctl machdep.cpu`, without those that the processor lacks."""
    import ctypes

    libc, values = ctypes.CDLL(None), {}
    for name in ("brand_string", "features", "leaf7_features"):
        buffer = ctypes.create_string_buffer(4096)
        size = ctypes.c_size_t(len(buffer))
        if not libc.sysctlbyname(f"machdep.cpu.{name}".encode(), buffer, ctypes.byref(size), None, 0):
            values[name] = buffer.value.decode(errors="replace")
    return values
