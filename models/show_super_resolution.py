"""Make ``docs/images/super_resolution.png``: what ``super_resolution.onnx`` does to a photograph that it has not seen.

``python models/show_super_resolution.py chelsea.png``: rows are the input (a pixel is four), ONNX Runtime float32,
the golden model of 8 bits, which the hardware equals bit for bit, and the photograph itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import gan2hls
from gan2hls.report.png import png_grid

HERE = Path(__file__).resolve().parent
MODEL = HERE / "super_resolution.onnx"
PICTURE = HERE.parent / "docs" / "images" / "super_resolution.png"
#: Left and top of what is shown, of the photograph halved.
_CROPS = [(30, 30), (62, 26), (94, 34), (126, 34), (44, 70), (86, 70), (116, 60), (150, 80)]
_SIZE = 64


def main() -> None:
    """Write the picture."""
    import onnxruntime

    image = Image.open(sys.argv[1]).convert("RGB")
    image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    crops = [image.crop((x, y, x + _SIZE, y + _SIZE)) for x, y in _CROPS]
    wanted = np.stack([np.asarray(crop, np.float32).transpose(2, 0, 1) / 255 for crop in crops])
    halves = wanted.reshape(len(crops), 3, _SIZE // 2, 2, _SIZE // 2, 2).mean(axis=(3, 5))
    session = onnxruntime.InferenceSession(MODEL.read_bytes(), providers=["CPUExecutionProvider"])
    made = np.concatenate([session.run(None, {"x": half[None]})[0] for half in halves])
    config = {"calibration": {"data": str(HERE / "super_resolution_input.npy")}}
    golden = np.asarray(gan2hls.build(MODEL, config=config, stop="lower", write=False).golden(halves))
    enlarged = halves.repeat(2, axis=2).repeat(2, axis=3)
    rows = [("input", enlarged), ("float", made), ("int8", golden), ("photo", wanted)]
    for label, pictures in rows[:-1]:
        print(f"{label}: PSNR against the photograph {-10 * np.log10(np.square(pictures - wanted).mean()):.2f} dB")
    picture = png_grid(rows, (1, 3, _SIZE, _SIZE), (0.0, 1.0), len(crops))
    assert picture is not None
    PICTURE.write_bytes(picture)


if __name__ == "__main__":
    main()
