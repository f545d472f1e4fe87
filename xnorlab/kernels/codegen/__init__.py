"""LLVM code generation: all instructions that kernels call and that Numba does not have, as functions to import."""
