"""Packed and real kernels for the CPU, in Numba: what `xnorlab.runtime` computes with."""

from xnorlab.kernels.imitated_cpu import imitate

imitate()  # before anything imports Numba
