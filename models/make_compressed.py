"""Make the compressed forms of ``dcgan_mnist32.onnx`` and the picture of what each lost.

``python models/make_compressed.py`` runs ``gan2hls compress`` with every recipe of ``models/recipes`` and writes
``dcgan_mnist32_<recipe>.onnx`` beside the float model, and ``docs/images/compressed.png``: ONNX Runtime float32 above,
the golden model of each form below.  Minutes a recipe; ``--picture`` takes the models that are there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import gan2hls
from gan2hls.compress import compress
from gan2hls.report.png import png_grid

HERE = Path(__file__).resolve().parent
MODEL = HERE / "dcgan_mnist32.onnx"
PICTURE = HERE.parent / "docs" / "images" / "compressed.png"
#: Recipes and their labels, in the order of the picture.
FORMS = {"int4": "int4", "codebook16": "book16", "sparse": "sparse", "ternary": "ternary", "binary": "binary"}
_COLUMNS = 12


def main() -> None:
    """Write models and picture."""
    latents = np.random.default_rng(3).normal(size=(_COLUMNS, 64, 1, 1)).astype(np.float32)
    rows = [("float", _run_float(latents)), ("int8", _golden(MODEL, latents))]
    for form, label in FORMS.items():
        target = HERE / f"{MODEL.stem}_{form}.onnx"
        if "--picture" not in sys.argv:
            made = compress(MODEL, HERE / "recipes" / f"{form}.yaml", target)
            size = target.stat().st_size
            print(f"{target.name}: {size:,} bytes, PSNR {made.psnr_db:.1f} dB against float", flush=True)
        rows.append((label, _golden(target, latents)))
    picture = png_grid(rows, (1, 1, 32, 32), (-1.0, 1.0), _COLUMNS)
    assert picture is not None
    PICTURE.write_bytes(picture)


def _run_float(latents: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(MODEL.read_bytes(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {session.get_inputs()[0].name: z[None]})[0] for z in latents])


def _golden(path: Path, latents: np.ndarray) -> np.ndarray:
    return np.asarray(gan2hls.build(path, stop="lower", write=False).golden(latents))


if __name__ == "__main__":
    main()
