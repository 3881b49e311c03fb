"""The golden model: runs an ``IntegerModel`` in NumPy, exactly, batched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.base import in_threads, one_thread, processors
from gan2hls.model.integer import IntegerModel, IntLayer
from gan2hls.model.liveness import done_with
from gan2hls.numbers import Int64Array

#: Elements that a layer makes at once: frames go one by one where they are large, since fresh memory costs more than
#: what is written to it.
_CHUNK_ELEMENTS = 1 << 18
#: Elements that are worth a thread of their own.
_THREAD_ELEMENTS = 1 << 14


@final
class Golden:
    """A compiled golden model; weights are prepared once, then any number of batches can run.

    Frames run in threads, and each product in one.
    """

    def __init__(self, model: IntegerModel) -> None:
        self.model = model
        self._programs = {layer.name: layer.op.program(layer.input_types, layer.acc_type) for layer in model.layers}
        self._requants = {layer.name: layer.requant.program(layer.acc_type) for layer in model.layers}
        self._ends = done_with(model.layers, {port.name for port in model.outputs})

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, Int64Array]:
        """Run a batch.

        Args:
            inputs: by input name, integer codes ``[N, H, W, C]``.

        Returns:
            Every tensor by name (inputs included), int64 codes ``[N, H, W, C]``.
        """
        tensors: dict[str, Int64Array] = {
            port.name: np.asarray(inputs[port.name], np.int64) for port in self.model.inputs
        }
        with one_thread():
            for layer in self.model.layers:
                tensors[layer.name] = self._run_layer(layer, [tensors[name] for name in layer.inputs])
        return tensors

    def outputs(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, Int64Array]:
        """Run a batch for what leaves the model alone: other tensors are dropped once nobody reads them any more.

        Args:
            inputs: by input name, integer codes ``[N, H, W, C]``.

        Returns:
            The tensors that ``run`` would make of the outputs, by name, int64 codes ``[N, H, W, C]``.
        """
        tensors: dict[str, Int64Array] = {}
        with one_thread():
            for layer in self.model.layers:
                for name in layer.inputs:
                    if name not in tensors:  # an input of the model
                        tensors[name] = np.asarray(inputs[name], np.int64)
                tensors[layer.name] = self._run_layer(layer, [tensors[name] for name in layer.inputs])
                for name in self._ends[layer.name]:
                    del tensors[name]
        for port in self.model.outputs:
            if port.name not in tensors:  # an input that leaves as it is
                tensors[port.name] = np.asarray(inputs[port.name], np.int64)
        return {port.name: tensors[port.name] for port in self.model.outputs}

    def run_layer(self, name: str, inputs: Sequence[Int64Array]) -> Int64Array:
        """Run one layer on the codes ``[N, H, W, C]`` of what it reads."""
        with one_thread():
            return self._run_layer(self.model.layer(name), inputs)

    def _run_layer(self, layer: IntLayer, inputs: Sequence[Int64Array]) -> Int64Array:
        frames = len(inputs[0])
        if frames == 1:
            return self._run_frames(layer, inputs)
        elements = math.prod(layer.shape)
        step = max(1, min(_CHUNK_ELEMENTS // elements, max(-(-frames // processors()), _THREAD_ELEMENTS // elements)))
        if frames <= step:
            return self._run_frames(layer, inputs)
        out = np.empty((frames, *layer.shape), np.int64)

        def run(part: slice) -> None:
            out[part] = self._run_frames(layer, [values[part] for values in inputs])

        in_threads(run, [slice(start, start + step) for start in range(0, frames, step)])
        return out

    def _run_frames(self, layer: IntLayer, inputs: Sequence[Int64Array]) -> Int64Array:
        acc = self._programs[layer.name](*inputs)
        out = self._requants[layer.name](acc.reshape(len(acc), -1, layer.requant.channels))
        if layer.table:
            out = layer.table(out)
        return layer.op.in_raster(out).reshape(-1, *layer.shape)


@final
class Rerun:
    """All tensors of a model on a few frames, from which models that share layers with it go on.

    A layer that is the very same, and reads nothing that differs, is not run again.
    """

    def __init__(self, model: IntegerModel, inputs: Mapping[str, npt.NDArray[np.generic]]) -> None:
        self._layers = {layer.name: layer for layer in model.layers}
        self._golden, self._inputs = Golden(model), model.input_types
        self._tensors = self._golden.run(inputs)

    def outputs(self, model: IntegerModel, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, Int64Array]:
        """Return what ``Golden.outputs`` of ``model`` would, of ``inputs`` that stand for the same reals."""
        tensors = {port.name: np.asarray(inputs[port.name], np.int64) for port in model.inputs}
        types = zip(model.inputs, model.input_types, self._inputs, strict=True)
        same = {port.name for port, given, former in types if given == former}
        for layer in model.layers:
            if layer is self._layers[layer.name] and same.issuperset(layer.inputs):
                same.add(layer.name)
                tensors[layer.name] = self._tensors[layer.name]
                continue
            golden = Golden(replace(model, inputs=(), input_types=(), layers=(layer,), outputs=()))
            tensors[layer.name] = golden.run_layer(layer.name, [tensors[name] for name in layer.inputs])
        return {port.name: tensors[port.name] for port in model.outputs}
