#!/usr/bin/env python3
"""Train the example generator: a small DCGAN on MNIST, padded to 32 x 32, on one CPU thread, within a time budget.

``z [1, 64, 1, 1] ~ N(0, 1)`` becomes 4 x 4 x 128, 8 x 8 x 64, 16 x 16 x 32 and 32 x 32 x 1 through transposed
convolutions with BatchNorm and ReLU between them and Tanh at the end.  An exponential moving average of the generator
is exported.  Needs the ``train`` extra and MNIST's ``train-images-idx3-ubyte`` (60 000 images, uncompressed).
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

LATENT = 64
BATCH = 64
LEARNING_RATE = 2e-4
BETAS = (0.5, 0.999)
EMA_DECAY = 0.999
REAL_LABEL = 0.9


def make_generator(channels: tuple[int, ...] = (128, 64, 32)) -> nn.Sequential:
    """Return the generator, ``[N, 64, 1, 1] -> [N, 1, 32, 32]`` in -1..1."""
    layers: list[nn.Module] = []
    before = LATENT
    for n, after in enumerate(channels):
        stride, pad = (1, 0) if n == 0 else (2, 1)
        layers += [
            nn.ConvTranspose2d(before, after, 4, stride, pad, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        ]
        before = after
    return nn.Sequential(*layers, nn.ConvTranspose2d(before, 1, 4, 2, 1), nn.Tanh())


def make_discriminator() -> nn.Sequential:
    """Return the discriminator, ``[N, 1, 32, 32] -> [N]`` logits."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 64, 4, 2, 1, bias=False),
        nn.BatchNorm2d(64),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2),
        nn.Conv2d(128, 1, 4, 1, 0),
        nn.Flatten(0),
    )


def initialize(module: nn.Module) -> None:
    """Draw weights as the DCGAN paper does.  Source: Radford et al. 2015, section 4."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def load_images(path: Path) -> Tensor:
    """Return MNIST's images, uint8 ``[60000, 32, 32]``."""
    images = np.fromfile(path, np.uint8)[16:].reshape(-1, 28, 28)
    return torch.from_numpy(np.pad(images, ((0, 0), (2, 2), (2, 2))))


class Trainer:
    """Generator, discriminator, their optimizers and the averaged generator."""

    def __init__(self) -> None:
        self.generator, self.discriminator = make_generator(), make_discriminator()
        self.generator.apply(initialize)
        self.discriminator.apply(initialize)
        self.average = copy.deepcopy(self.generator).eval()
        self._generator_optimizer = torch.optim.Adam(self.generator.parameters(), LEARNING_RATE, BETAS)
        self._discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), LEARNING_RATE, BETAS)
        self._loss = nn.BCEWithLogitsLoss()
        self.steps = 0

    def step(self, real: Tensor) -> tuple[float, float]:
        """Train both networks on one batch in -1..1 and return their losses."""
        fake = self.generator(torch.randn(len(real), LATENT, 1, 1))
        on_real, on_fake = self.discriminator(real), self.discriminator(fake.detach())
        judge = self._loss(on_real, torch.full_like(on_real, REAL_LABEL))
        judge = judge + self._loss(on_fake, torch.zeros_like(on_fake))
        self._discriminator_optimizer.zero_grad()
        judge.backward()
        self._discriminator_optimizer.step()

        fooled = self.discriminator(fake)
        forge = self._loss(fooled, torch.ones_like(fooled))
        self._generator_optimizer.zero_grad()
        forge.backward()
        self._generator_optimizer.step()
        self._update_average()
        return float(judge.item()), float(forge.item())

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(EMA_DECAY, (1 + self.steps) / (10 + self.steps))
        pairs = [
            *zip(self.average.parameters(), self.generator.parameters(), strict=True),
            *zip(self.average.buffers(), self.generator.buffers(), strict=True),
        ]
        for mean, new in pairs:
            if mean.dtype.is_floating_point:
                mean.mul_(decay).add_(new, alpha=1 - decay)
        self.steps += 1


@torch.no_grad()
def save_grid(generator: nn.Module, latents: Tensor, path: Path) -> None:
    """Write 8 x 8 generated images as a PNG, enlarged twice."""
    images = generator(latents).numpy()[:, 0]
    pixels = ((images + 1) * 127.5).clip(0, 255).astype(np.uint8)
    sheet = pixels.reshape(8, 8, 32, 32).transpose(0, 2, 1, 3).reshape(256, 256)
    Image.fromarray(sheet).resize((512, 512), Image.Resampling.NEAREST).save(path)


def train(images: Tensor, minutes: float, out: Path) -> nn.Module:
    """Train for ``minutes`` of wall-clock time and return the averaged generator."""
    trainer, latents = Trainer(), torch.randn(BATCH, LATENT, 1, 1)
    begun = time.monotonic()
    while True:
        for batch in torch.randperm(len(images)).split(BATCH)[:-1]:
            losses = trainer.step(images[batch].unsqueeze(1).float() / 127.5 - 1)
            elapsed = time.monotonic() - begun
            if trainer.steps % 200 == 0:
                print(f"{elapsed:.0f} s, step {trainer.steps}: D {losses[0]:.3f} G {losses[1]:.3f}", flush=True)
            if elapsed > minutes * 60:
                return trainer.average
        save_grid(trainer.average, latents, out.with_name(f"{out.name}_grid.png"))


def main() -> None:
    """Parse the command line, train, export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, help="train-images-idx3-ubyte")
    parser.add_argument("--minutes", type=float, default=25.0, help="time budget (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of every random draw (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("dcgan_mnist32"), help="output path without suffix")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    generator = train(load_images(arguments.images), arguments.minutes, arguments.out)
    torch.save(generator.state_dict(), arguments.out.with_suffix(".pth"))
    torch.onnx.export(
        generator,
        (torch.randn(1, LATENT, 1, 1),),
        str(arguments.out.with_suffix(".onnx")),
        input_names=["z"],
        output_names=["image"],
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    main()
