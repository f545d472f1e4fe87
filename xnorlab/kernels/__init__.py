"""Packed and real kernels for one CPU core, in Numba: the floor under `xnorlab.runtime`."""
