"""hls4ml's compiled C simulation of a convolution: what ours is measured against."""

from __future__ import annotations

import contextlib
import io
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import onnx


def hls4ml_frames_per_second(model: onnx.ModelProto, frames: int, work: Path) -> float:
    """Compile ``model`` (one Conv) with hls4ml for Vitis, io_stream, 8 bits; return predicted frames a second."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import hls4ml
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
        from qonnx.util.cleanup import cleanup_model

        wrapped = cleanup_model(ModelWrapper(model))
        wrapped = cleanup_model(wrapped.transform(ConvertToChannelsLastAndClean()))
        config = hls4ml.utils.config_from_onnx_model(
            wrapped, granularity="name", backend="Vitis", default_precision="fixed<8,3>"
        )
        converted = hls4ml.converters.convert_from_onnx_model(
            wrapped, output_dir=str(work), io_type="io_stream", backend="Vitis", hls_config=config
        )
        converted.compile()
        _, channels, height, width = (d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim)
        x = np.random.default_rng(0).normal(size=(frames, height, width, channels)).astype(np.float32)
        converted.predict(x[:1])
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            converted.predict(x)
            seconds.append(time.perf_counter() - started)
    return frames / statistics.median(seconds)
