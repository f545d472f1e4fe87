"""The code that an ARM processor would get, read as assembly; tests/arm/run.py runs it on an emulated one."""

import subprocess
import sys

import pytest

COMPILE = """
import re, sys
import llvmlite.binding as llvm, numba
from numba.core.codegen import CPUCodeLibrary
from numba import types
from xnorlab.kernels.codegen import conversions, tile
from xnorlab.kernels.codegen.processor import VectorUnit
from xnorlab.kernels.conv_kernel import conv_kernel

arithmetic, group = sys.argv[1], int(sys.argv[2])
unit = VectorUnit.of("+neon,+fp-armv8", "aarch64-unknown-linux-gnu")
tile.vector_unit = conversions.vector_unit = lambda context=None: unit

class Taken(Exception):
    "The module is all that is wanted; this machine's own code generator would refuse ARM's register names."

def take(library, module):
    text = str(module)
    if any(name in text for name in ("ctpop", "llvm.fma.v", "neon.tbl1")):
        raise Taken(text)
    return optimize(library, module)

optimize, CPUCodeLibrary._optimize_functions = CPUCodeLibrary._optimize_functions, take
function = conv_kernel(arithmetic, group, *unit.rows(arithmetic, group))._function
kernel = numba.njit(nogil=True, error_model="numpy")(function)
try:
    kernel.compile((types.int64,) * 5)
except Taken as taken:
    text = str(taken)
triple = "aarch64-unknown-linux-gnu"
text = re.sub(r'target triple = ".*"', f'target triple = "{triple}"', text)
text = re.sub(r'target datalayout = ".*"', "", text)
llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()
machine = llvm.Target.from_triple(triple).create_target_machine(cpu="neoverse-n1", opt=3)
module = llvm.parse_assembly(text)
passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
passes.getModulePassManager().run(module, passes)
print(machine.emit_assembly(module))
"""


def inner_loops(arithmetic: str, group: int, instruction: str) -> list[list[str]]:
    """Basic blocks that jump back to their own start and hold `instruction`."""
    run = subprocess.run([sys.executable, "-c", COMPILE, arithmetic, str(group)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    blocks, label = {}, ""
    for line in run.stdout.splitlines():
        if line.startswith(".LBB"):
            label = line.split(":")[0]
        blocks.setdefault(label, []).append(line.strip())
    loops = []
    for label, block in blocks.items():
        ends = [i for i, line in enumerate(block) if line.startswith("b.") and line.endswith(label)]
        loop = block[: ends[0]] if ends else []  # what follows the jump is not repeated
        if any(line.startswith(instruction) for line in loop):
            loops.append(loop)
    return loops


@pytest.mark.parametrize("group", [1, 2, 4])
def test_signs_are_counted_by_vectors_in_registers(group: int):
    loops = inner_loops("xnor", group, "cnt")
    assert len(loops) == 3  # tall tile, short tile, one pixel
    for loop in loops:
        assert all(".16b" in line for line in loop if line.startswith("cnt"))
        assert not any(line.startswith(("str", "stp", "bl")) for line in loop)


@pytest.mark.parametrize("columns", [1, 2])
def test_sums_by_table_stay_in_registers(columns: int):
    """One instruction shifts the second pixel's sums and adds them: eight for 384 multiply-adds."""
    loops = inner_loops("lookup", columns, "usra")
    assert len(loops) >= 2  # lookups by threes and single ones
    for loop in loops:
        assert any(line.startswith("tbl") for line in loop)
        assert not any(line.startswith(("str", "stp", "bl")) for line in loop)


def test_real_numbers_are_multiplied_and_added_at_once():
    loops = inner_loops("real", 1, "fmla")
    assert len(loops) == 3
    for loop in loops:
        assert all(".4s" in line for line in loop if line.startswith("fmla"))
        assert not any(line.startswith(("str", "stp", "bl")) for line in loop)
