"""Packed and real kernels for the CPU, in Numba: what `xnorlab.runtime` computes with."""
