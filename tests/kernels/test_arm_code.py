"""The code that an ARM processor would get, read as assembly: nobody here has such a processor to run it on."""

import subprocess
import sys

import pytest

COMPILE = """
import re, sys
import llvmlite.binding as llvm, numba, numpy as np
from numba.core.codegen import CPUCodeLibrary
from xnorlab.kernels.codegen import tile
from xnorlab.kernels.codegen.processor import VectorUnit
from xnorlab.kernels.conv_kernel import CALL, conv_kernel

arithmetic, group = sys.argv[1], int(sys.argv[2])
unit = VectorUnit.of("+neon,+fp-armv8")
tile.vector_unit = lambda context=None: unit

class Taken(Exception):
    "The module is all that is wanted; this machine's own code generator would refuse ARM's register names."

def take(library, module):
    text = str(module)
    if "ctpop" in text or "llvm.fma.v" in text:
        raise Taken(text)
    return optimize(library, module)

optimize, CPUCodeLibrary._optimize_functions = CPUCodeLibrary._optimize_functions, take
function = conv_kernel(arithmetic, group, *unit.rows(arithmetic, group))._function
kernel = numba.njit(nogil=True, error_model="numpy")(function)
try:
    kernel.compile((numba.typeof(np.zeros(CALL, np.int64)),))
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
    return [
        block
        for label, block in blocks.items()
        if any(line.startswith(instruction) for line in block)
        and any(line.startswith("b.") and line.endswith(label) for line in block)
    ]


@pytest.mark.parametrize("group", [1, 2, 4])
def test_signs_are_counted_by_vectors_in_registers(group: int):
    loops = inner_loops("xnor", group, "cnt")
    assert len(loops) == 3  # tall tile, short tile, one pixel
    for loop in loops:
        assert all(".16b" in line for line in loop if line.startswith("cnt"))
        assert not any(line.startswith(("str", "stp", "bl")) for line in loop)


def test_real_numbers_are_multiplied_and_added_at_once():
    loops = inner_loops("real", 1, "fmla")
    assert len(loops) == 3
    for loop in loops:
        assert all(".4s" in line for line in loop if line.startswith("fmla"))
        assert not any(line.startswith(("str", "stp", "bl")) for line in loop)
