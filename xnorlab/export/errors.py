"""The error that packing raises."""


class ExportError(ValueError):
    """A model that cannot be packed; the message names the module and says why."""
