"""Kinds of processors by their features, and the sizes of their caches, from made-up files."""

import platform
import sys

import pytest

from textgraft.processor import Processor, from_cpuinfo, from_sysctl, processor

AVX = "fpu sse sse2 ssse3 sse4_1 sse4_2 avx"
AVX2 = f"{AVX} f16c fma bmi1 avx2 bmi2"
AVX512 = f"{AVX2} avx512f avx512dq avx512cd avx512bw avx512vl"


def cpuinfo(flags, model="Made-Up 7 @ 2.00GHz", cores=2):
    core = "processor\t: {}\nmodel name\t: {}\ncache size\t: 512 KB\nflags\t\t: {}\nbugs\t\t: spectre_v1\n\n"
    return "".join(core.format(index, model, flags) for index in range(cores))


@pytest.mark.parametrize(
    ("flags", "kind", "multiplies_bfloat16"),
    [
        ("fpu sse sse2", "SSE", False),
        (AVX, "AVX", False),
        (AVX2, "AVX2", False),
        (f"{AVX2} avx_vnni", "AVX2", False),
        (AVX512, "AVX-512", False),
        (f"{AVX512} avx512_vnni", "AVX-512", False),
        (f"{AVX512} avx512_vnni avx512_bf16", "AVX-512 BF16", True),
        (f"{AVX512} avx512_vnni avx512_bf16 amx_bf16 amx_tile amx_int8", "AMX", True),
    ],
)
def test_kind_is_that_of_the_newest_instructions(flags, kind, multiplies_bfloat16):
    made_up = from_cpuinfo(cpuinfo(flags), "x86_64")
    assert (made_up.name, made_up.kind) == ("Made-Up 7 @ 2.00GHz", kind)
    assert made_up.multiplies_bfloat16 is multiplies_bfloat16


def test_features_are_whole_words_of_the_flags():
    assert from_cpuinfo(cpuinfo("sse avx2_like", model="an avx2 processor"), "x86_64").kind == "SSE"


def test_arm_is_one_kind():
    text = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd bf16 i8mm\nCPU implementer\t: 0x41\n"
    arm = from_cpuinfo(text, "aarch64")
    assert arm == Processor("aarch64", "aarch64", frozenset({"fp", "asimd", "bf16", "i8mm"}))
    assert arm.kind == "Arm"
    assert not arm.multiplies_bfloat16
    assert from_sysctl({"brand_string": "Apple M2"}, "arm64").kind == "Arm"


def test_a_mac_reports_features_under_other_names():
    values = {
        "brand_string": "Intel(R) Core(TM) i7-1068NG7 CPU @ 2.30GHz",
        "features": "FPU VME SSE4.2 FMA AVX1.0 F16C",
        "leaf7_features": "RDWRFSGS AVX2 BMI1 AVX512F AVX512VNNI",
    }
    mac = from_sysctl(values, "x86_64")
    assert (mac.name, mac.kind) == (values["brand_string"], "AVX-512")
    assert {"avx", "avx2", "avx512_vnni"} <= mac.features
    assert from_sysctl(values | {"leaf7_features": "BMI1"}, "x86_64").kind == "AVX"


def test_other_machines_have_their_own_name():
    assert from_cpuinfo("", "riscv64") == Processor("riscv64", "riscv64")
    assert from_cpuinfo("", "riscv64").kind == "riscv64"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_this_machine_is_recognized():
    assert processor().machine == platform.machine()
    assert processor().features
