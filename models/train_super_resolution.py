#!/usr/bin/env python3
"""Train the example of an image-to-image generator: a small SRGAN, twice the rows and columns, on one CPU thread.

``x [1, 3, 32, 32]`` in 0..1 becomes ``[1, 3, 64, 64]``: a convolution to 16 channels with PReLU, three residual blocks,
a skip over them, a convolution and a pixel shuffle (Ledig et al., Photo-Realistic Single Image Super-Resolution Using a
Generative Adversarial Network, 2017, without its BatchNorm and in small).  First the mean absolute error alone, then a
discriminator beside it.  Needs the ``train`` extra and a folder of photographs, such as ``skimage/data``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 16
BLOCKS = 3
SIZE = 32
BATCH = 16
LEARNING_RATE = 5e-4
ADVERSARIAL = 3e-3
#: Part of the time without a discriminator.
WARM_UP = 0.6


class Residual(nn.Module):
    """Two convolutions and a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(CHANNELS, CHANNELS), nn.PReLU(CHANNELS), conv(CHANNELS, CHANNELS))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` and what the body adds to it."""
        made: Tensor = x + self.body(x)
        return made


class Generator(nn.Module):
    """``[N, 3, H, W] -> [N, 3, 2 H, 2 W]``, both in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(conv(3, CHANNELS), nn.PReLU(CHANNELS))
        self.body = nn.Sequential(*(Residual() for _ in range(BLOCKS)))
        self.tail = nn.Sequential(conv(CHANNELS, 12), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        """Return the larger picture."""
        head = self.head(x)
        made: Tensor = self.tail(head + self.body(head))
        return made.clamp(0, 1) if not self.training else made


def conv(before: int, after: int) -> nn.Conv2d:
    """Return a 3 x 3 convolution that keeps the size."""
    return nn.Conv2d(before, after, 3, padding=1)


def make_discriminator() -> nn.Sequential:
    """Return the discriminator, ``[N, 3, 64, 64] -> [N, 1, 8, 8]`` logits of patches."""
    return nn.Sequential(
        nn.Conv2d(3, 24, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(24, 48, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(48, 1, 4, 2, 1),
    )


def load(folder: Path, names: list[str]) -> list[Tensor]:
    """Return photographs as ``[3, H, W]`` in 0..1, halved, so that their noise is less."""
    photographs = []
    for name in names:
        image = Image.open(folder / name).convert("RGB")
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
        photographs.append(torch.from_numpy(np.asarray(image, np.float32) / 255).permute(2, 0, 1))
    return photographs


def crops(photographs: list[Tensor], rng: np.random.Generator) -> Tensor:
    """Return a batch of crops ``[BATCH, 3, 64, 64]``, turned and mirrored at random."""
    batch = []
    for n in rng.integers(0, len(photographs), BATCH):
        photograph = photographs[n]
        top, left = (int(rng.integers(0, size - 2 * SIZE + 1)) for size in photograph.shape[1:])
        crop = photograph[:, top : top + 2 * SIZE, left : left + 2 * SIZE]
        crop = torch.rot90(crop, int(rng.integers(4)), (1, 2))
        batch.append(crop.flip(2) if rng.integers(2) else crop)
    return torch.stack(batch)


def train(photographs: list[Tensor], seconds: float) -> Generator:
    """Return a generator trained for so many seconds."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    generator, discriminator = Generator(), make_discriminator()
    of_generator = torch.optim.Adam(generator.parameters(), LEARNING_RATE)
    of_discriminator = torch.optim.Adam(discriminator.parameters(), LEARNING_RATE)
    loss_of = functional.binary_cross_entropy_with_logits
    start, step = time.monotonic(), 0
    while (done := (time.monotonic() - start) / seconds) < 1:
        for group in of_generator.param_groups:
            group["lr"] = LEARNING_RATE * max(0.05, 1 - done)
        real = crops(photographs, rng)
        made = generator(functional.avg_pool2d(real, 2))
        loss = functional.l1_loss(made, real)
        if done > WARM_UP:
            judged = discriminator(made)
            loss = loss + ADVERSARIAL * loss_of(judged, torch.ones_like(judged))
        of_generator.zero_grad()
        loss.backward()
        of_generator.step()
        if done > WARM_UP:
            of_real, of_made = discriminator(real), discriminator(made.detach())
            against = loss_of(of_real, torch.ones_like(of_real)) + loss_of(of_made, torch.zeros_like(of_made))
            of_discriminator.zero_grad()
            against.backward()
            of_discriminator.step()
        step += 1
        if step % 200 == 0:
            print(f"{step} steps, {100 * done:.0f} %: {loss.item():.4f}", flush=True)
    return generator.eval()


def main() -> None:
    """Train, export, and keep 16 crops for calibration beside the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+", help="photographs in it")
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "super_resolution.onnx")
    given = parser.parse_args()
    torch.set_num_threads(1)
    photographs = load(given.folder, given.names)
    generator = train(photographs, 60 * given.minutes)
    example = torch.zeros(1, 3, SIZE, SIZE)
    torch.onnx.export(
        generator, (example,), given.output, input_names=["x"], output_names=["y"], opset_version=18, dynamo=False
    )
    calibration = functional.avg_pool2d(crops(photographs, np.random.default_rng(1)), 2)
    np.save(given.output.with_name(f"{given.output.stem}_input.npy"), calibration.numpy())


if __name__ == "__main__":
    main()
