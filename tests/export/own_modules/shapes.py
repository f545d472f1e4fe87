"""Modules whose subject is the shape of maps: joining, splitting, moving, resampling, pooling, several outputs."""

from own_modules.case import Around, Case

MODULES: dict[str, Case] = {"nothing in between": Case(lambda: Around(lambda m, y: y))}
