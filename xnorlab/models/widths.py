"""The check of the option `width`, which most networks have."""


def require_width(width: object, multiple_of: int = 1) -> None:
    """Refuse what is no width of a network, with a ValueError: it must be an int, a multiple of `multiple_of`."""
    if not isinstance(width, int) or isinstance(width, bool) or width < 1:
        raise ValueError(f"width={width!r} must be an int of at least 1")
    if width % multiple_of:
        raise ValueError(f"width={width} must be a multiple of {multiple_of}")
