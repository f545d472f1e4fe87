"""Draws the two synthetic sample photos, golf-ball.jpg and parachute.jpg: `python app/samples/draw.py`."""

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 480
HERE = Path(__file__).parent


def noise(rng: np.random.Generator, height: int, width: int, cell: float, stretch: float = 1.0) -> np.ndarray:
    """Smooth noise in 0 to 1, (height, width), with features about `cell` pixels wide and `stretch` times as high."""
    coarse = rng.random((max(2, round(height / (cell * stretch))), max(2, round(width / cell)))) * 255
    picture = Image.fromarray(coarse.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.float64) / 255


def fractal(rng: np.random.Generator, height: int, width: int, cell: float, stretch: float = 1.0) -> np.ndarray:
    """Noise of five octaves, roughly within 0 to 1."""
    layers = [noise(rng, height, width, cell / 2**i, stretch) / 2**i for i in range(5)]
    return np.sum(layers, axis=0) / sum(1 / 2**i for i in range(5))


def mix(base: np.ndarray, colour: np.ndarray | tuple, amount: np.ndarray) -> np.ndarray:
    """`base` (H, W, 3) covered by `colour` where `amount` (H, W) is 1."""
    return base + (np.asarray(colour, dtype=np.float64) - base) * np.clip(amount, 0, 1)[..., None]


def save(picture: np.ndarray, name: str, rng: np.random.Generator) -> None:
    """Write `picture` (values 0 to 1) as a JPEG with a little sensor noise."""
    grainy = picture + rng.normal(0, 0.012, picture.shape)
    Image.fromarray((np.clip(grainy, 0, 1) * 255).astype(np.uint8)).save(HERE / name, quality=88)


def golf_ball() -> None:
    """A dimpled ball on grass, lit from the upper left."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)
    depth = y / SIZE
    blades = 0.6 * fractal(rng, SIZE, SIZE, 9, 5.0) + 0.4 * fractal(rng, SIZE, SIZE, 60)
    far = fractal(rng, SIZE, SIZE, 90)
    grass = np.stack([0.16 + 0.34 * blades, 0.34 + 0.42 * blades, 0.06 + 0.16 * blades], axis=-1)
    blurred = np.stack([0.26 + 0.16 * far, 0.46 + 0.16 * far, 0.16 + 0.10 * far], axis=-1)
    picture = mix(grass, blurred, 1 - (depth - 0.25) / 0.25)

    centre_x, centre_y, radius = 0.5 * SIZE, 0.56 * SIZE, 0.31 * SIZE
    shadow = np.exp(-(((x - centre_x - 26) / (radius * 1.0)) ** 2 + ((y - centre_y - radius * 0.93) / 24) ** 2))
    picture = mix(picture, (0.03, 0.08, 0.01), 0.85 * shadow)

    u, v = (x - centre_x) / radius, (y - centre_y) / radius
    inside = u**2 + v**2 < 1
    w = np.sqrt(np.clip(1 - u**2 - v**2, 0, 1))
    normal = np.stack([u, v, w], axis=-1)
    # Dimples: the points of a golden spiral on the sphere; each bends the normal towards its own centre.
    count = 330
    k = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * k / count), np.pi * (1 + 5**0.5) * k
    points = np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=-1)
    points = points[points[:, 2] > -0.2]
    closeness = np.einsum("hwc,kc->hwk", normal, points)
    nearest = closeness.argmax(-1)
    distance = np.arccos(np.clip(closeness.max(-1), -1, 1))
    reach = 0.088
    dent = np.clip(1 - (distance / reach) ** 2, 0, 1)
    slope = np.where(distance < reach, distance / reach, 0)[..., None]
    bent = normal + 0.55 * slope * (points[nearest] - normal) / np.maximum(distance, 1e-3)[..., None]
    bent /= np.linalg.norm(bent, axis=-1, keepdims=True)
    light = np.array([-0.5, -0.68, 0.55])
    light /= np.linalg.norm(light)
    shade = np.clip(bent @ light, 0, 1)
    half = light + np.array([0, 0, 1.0])
    gloss = np.clip(bent @ (half / np.linalg.norm(half)), 0, 1) ** 40
    bounce = np.clip(bent[..., 1], 0, 1) * 0.22
    level = 0.30 + 0.66 * shade - 0.07 * dent + 0.35 * gloss
    ball = np.stack([level, level + 0.4 * bounce, level - 0.3 * bounce], axis=-1)
    edge = np.clip((1 - np.sqrt(u**2 + v**2)) * radius, 0, 1) * inside
    picture = mix(picture, ball, edge)
    # Blades of grass stand in front of the ball and around it.
    for _ in range(420):
        foot_x, foot_y = rng.uniform(0, SIZE), centre_y + radius * rng.uniform(0.98, 1.42)
        tall, lean, wide = rng.uniform(18, 52), rng.uniform(-0.35, 0.35), rng.uniform(1.2, 2.6)
        up = (foot_y - y) / tall
        on = np.clip(wide * (1 - up) - np.abs(x - foot_x - lean * tall * up**2), 0, 1) * ((up > 0) & (up < 1))
        tone = rng.uniform(0.55, 1.15)
        picture = mix(picture, np.array([0.34, 0.58, 0.14]) * tone, 0.85 * on)
    save(picture, "golf-ball.jpg", rng)


def parachute() -> None:
    """A round canopy of coloured gores with its lines and jumper, before a sky with clouds."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)
    depth = y / SIZE
    sky = np.stack([0.24 + 0.34 * depth, 0.47 + 0.28 * depth, 0.80 + 0.12 * depth], axis=-1)
    clouds = np.clip((fractal(rng, SIZE, SIZE, 190, 0.55) - 0.50) * 3.2, 0, 0.9)
    picture = mix(sky, (0.97, 0.97, 0.98), clouds)

    top_x, rim_y, half, height = 0.5 * SIZE, 0.47 * SIZE, 0.34 * SIZE, 0.30 * SIZE
    jumper = np.array([0.5 * SIZE + 6, 0.88 * SIZE])
    gores = 12
    for i in range(gores + 1):
        angle = np.pi * i / gores
        rim = np.array([top_x - half * np.cos(angle), rim_y + 10 * np.sin(angle)])
        along = np.clip((y - rim[1]) / (jumper[1] - 22 - rim[1]), 0, 1)
        line_x = rim[0] + along * (jumper[0] - rim[0])
        on = np.clip(1.2 - np.abs(x - line_x), 0, 1) * ((y > rim[1]) & (y < jumper[1] - 22))
        picture = mix(picture, (0.16, 0.16, 0.19), 0.75 * on)

    u, v = (x - top_x) / half, (rim_y - y) / height
    # Scallops: between two lines the rim hangs a little, seen from below the far rim shows as an ellipse.
    theta = np.arccos(np.clip(u / np.sqrt(np.clip(1 - np.clip(v, 0, 1) ** 2, 1e-4, 1)), -1, 1))
    gore = theta / np.pi * gores
    hang = 0.055 * np.abs(np.sin(np.pi * np.arccos(np.clip(u, -1, 1)) / np.pi * gores))
    dome = (u**2 + np.clip(v, 0, None) ** 2 < 1) & (v > -hang)
    colours = np.array([[0.90, 0.24, 0.14], [0.97, 0.95, 0.90], [0.98, 0.70, 0.10]])
    cloth = colours[np.clip(gore.astype(int), 0, gores - 1) % 3]
    seam = np.abs(gore - np.round(gore)) < 0.035
    bulge = 1 - 0.30 * np.abs(np.sin(np.pi * gore)) ** 6
    light = 0.62 + 0.30 * np.clip(v, 0, 1) - 0.16 * u
    shaded = cloth * (light * bulge)[..., None] * np.where(seam, 0.80, 1.0)[..., None]
    picture = mix(picture, shaded, dome)
    mouth = (u / 0.97) ** 2 + ((y - rim_y - 2) / 12) ** 2 < 1
    picture = mix(picture, (0.30, 0.16, 0.13), 0.75 * mouth * (v < 0.02))

    for (cx, cy, rx, ry), colour in (
        ((jumper[0], jumper[1] - 20, 7, 8), (0.85, 0.83, 0.80)),
        ((jumper[0], jumper[1], 10, 16), (0.12, 0.15, 0.28)),
        ((jumper[0] - 6, jumper[1] + 24, 4, 16), (0.10, 0.11, 0.16)),
        ((jumper[0] + 7, jumper[1] + 23, 4, 15), (0.10, 0.11, 0.16)),
    ):
        picture = mix(picture, colour, np.clip(4 * (1 - ((x - cx) / rx) ** 2 - ((y - cy) / ry) ** 2), 0, 1))
    save(picture, "parachute.jpg", rng)


if __name__ == "__main__":
    golf_ball()
    parachute()
