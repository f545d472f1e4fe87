"""Logits of shipped networks, written on one processor and compared with those of another, bit for bit.

python logits.py write FILE PICTURES [NETWORK …]
python logits.py compare FILE FILE
"""

import sys
import zlib
from pathlib import Path

import numpy as np

from xnorlab import pretrained
from xnorlab.images import read_image
from xnorlab.kernels.cpu import describe_cpu

SAMPLES = Path(__file__).parents[2] / "app" / "samples"


def pictures(count: int) -> list[np.ndarray]:
    """Sample photos, the same turned upside down, and noise of odd sizes."""
    photos = [read_image(path).pixels for path in sorted(SAMPLES.glob("*.jpg"))]
    turned = [np.ascontiguousarray(photo[::-1]) for photo in photos]
    rng = np.random.default_rng(16)
    noise = [rng.integers(0, 256, (131 + 17 * i, 190 - 7 * i, 3), dtype=np.uint8) for i in range(count)]
    return [*photos, *turned, *noise][:count] if count > 4 else [photos[0], turned[1], noise[0], noise[1]][:count]


def checksum(array: np.ndarray) -> int:
    """CRC of the bytes."""
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def write(file: str, count: str, *names: str) -> None:
    """Write logits, and checksums of the pictures and of every op's values, to an npz file.

    Raises:
        ValueError: the plan's logits, a batch's on two threads, and those of one op after the other differ.
    """
    photos = pictures(int(count))
    described = describe_cpu()
    print(described["path"], described["target"], *described["features"], flush=True)
    arrays = {"pictures": np.array([checksum(photo) for photo in photos])}
    for name in names or pretrained.names():
        network = pretrained.load(name)
        logits = np.concatenate([network([photo]) for photo in photos])
        values = network.values(photos[:1])
        network.threads = 2
        if not np.array_equal(network(photos), logits):
            raise ValueError(f"{name}: a batch on two threads has other logits than its pictures alone")
        if not np.array_equal(values[network.ops[-1].name], logits[:1]):
            raise ValueError(f"{name}: one op after the other gives other logits than the plan")
        arrays[name] = logits
        arrays[f"values of {name}"] = np.array([checksum(value) for value in values.values()])
        print(f"{name} {checksum(logits):08x}", flush=True)
    np.savez(file, allow_pickle=False, **arrays)


def compare(one: str, other: str) -> int:
    """Print what differs, of the arrays that `other` has; returns the exit code."""
    with np.load(one) as expected, np.load(other) as given:
        different = [
            name
            for name in given.files
            if expected[name].shape != given[name].shape or expected[name].tobytes() != given[name].tobytes()
        ]
        print(f"{len(given.files) - len(different)} of {len(given.files)} arrays are alike, bit for bit", *different)
    return 1 if different else 0


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    sys.exit({"write": write, "compare": compare}[command](*arguments))
