"""What the Speed lab can time: the options and limits of its controls, and the address that opens it at a geometry."""

PAGE = "views/speed_lab/page.py"
KERNELS = ("1", "3", "5", "7", "11")
STRIDES = ("1", "2", "4")
LIMITS = {"channels": 2048, "filters": 2048, "size": 224, "batch": 16}
"""Key in the address → the largest number that its control takes."""


def query(*, channels: int, filters: int, size: int, kernel: int, stride: int) -> dict[str, str] | None:
    """The address that opens the Speed lab at a convolution on one picture; None where its controls cannot be set so.

    Args:
        channels: Of the input.
        filters: Channels of the output.
        size: Height and width of the input in pixels.
        kernel: Height and width of a filter.
        stride: In both directions.
    """
    numbers = {"channels": channels, "filters": filters, "size": size, "kernel": kernel, "stride": stride}
    words = {key: str(number) for key, number in numbers.items()}
    if words["kernel"] not in KERNELS or words["stride"] not in STRIDES:
        return None
    if any(number > LIMITS[key] for key, number in numbers.items() if key in LIMITS):
        return None
    return {"data": "random", "batch": "1", **words}
