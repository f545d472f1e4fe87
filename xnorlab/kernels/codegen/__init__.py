"""LLVM code for the kernels: what the processor has, instructions, tiles, what follows a sum, the walk over a map."""
