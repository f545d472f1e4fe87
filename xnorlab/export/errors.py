"""The one error of packing."""


class ExportError(ValueError):
    """A model that cannot be packed; the message names the module and says why."""
