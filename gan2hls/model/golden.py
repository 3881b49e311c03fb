"""The golden model: runs an ``IntegerModel`` in NumPy, exactly, batched."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import final

import numpy as np
import numpy.typing as npt

from gan2hls.base import in_threads, one_blas_thread, processors
from gan2hls.model.integer import IntegerModel, IntLayer
from gan2hls.model.liveness import done_with
from gan2hls.numbers import Int64Array

#: Elements that a layer makes at once: frames go one by one where they are large, since fresh memory costs more than
#: what is written to it.
_CHUNK_ELEMENTS = 1 << 18
#: Elements of the largest tensor of a part: the frames of a part have each layer's weights read once.
_PART_ELEMENTS = 1 << 20
#: Elements of all tensors that are worth a thread of their own.
_THREAD_ELEMENTS = 1 << 15


@final
class Golden:
    """A compiled golden model; weights are prepared once, then any number of batches can run.

    Parts of the frames run in threads, each from layer to layer, and each product in one thread.
    """

    def __init__(self, model: IntegerModel) -> None:
        self.model = model
        self._programs = {layer.name: layer.op.program(layer.input_types, layer.acc_type) for layer in model.layers}
        self._requants = {layer.name: layer.requant.program(layer.acc_type) for layer in model.layers}
        self._ends: dict[frozenset[str], Mapping[str, tuple[str, ...]]] = {}

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, Int64Array]:
        """Run a batch.

        Args:
            inputs: by input name, integer codes ``[N, H, W, C]``.

        Returns:
            Every tensor by name (inputs included), int64 codes ``[N, H, W, C]``.
        """
        given = self._given(inputs)
        return {**given, **self.run_layers(given, {layer.name for layer in self.model.layers})}

    def outputs(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, Int64Array]:
        """Run a batch for what leaves the model alone: other tensors are dropped once nobody reads them any more.

        Args:
            inputs: by input name, integer codes ``[N, H, W, C]``.

        Returns:
            The tensors that ``run`` would make of the outputs, by name, int64 codes ``[N, H, W, C]``.
        """
        given, names = self._given(inputs), [port.name for port in self.model.outputs]
        found = {**given, **self.run_layers(given, names)}  # an input may leave as it is
        return {name: found[name] for name in names}

    def run_layers(self, given: Mapping[str, Int64Array], wanted: Collection[str]) -> dict[str, Int64Array]:
        """Run the layers on tensors of others; parts of the frames are made in threads.

        Args:
            given: codes ``[N, H, W, C]`` by name: what the layers read and do not make.
            wanted: names of tensors that they make.

        Returns:
            Those, int64 codes ``[N, H, W, C]``, by name.
        """
        layers = self.model.layers
        parts = _parts(layers, len(next(iter(given.values()))))
        ends = self._done_with(frozenset(wanted))
        with one_blas_thread():
            if len(parts) == 1:
                return self._run_part(given, wanted, ends)
            made = {
                layer.name: np.empty((parts[-1].stop, *layer.shape), np.int64)
                for layer in layers
                if layer.name in wanted
            }

            def run(part: slice) -> None:
                some = {name: values[part] for name, values in given.items()}
                for name, values in self._run_part(some, wanted, ends).items():
                    made[name][part] = values

            in_threads(run, parts)
        return made

    def _done_with(self, wanted: frozenset[str]) -> Mapping[str, tuple[str, ...]]:
        """Return what ``done_with`` does; to work it out takes as long as a small layer."""
        if wanted not in self._ends:
            self._ends[wanted] = done_with(self.model.layers, wanted)
        return self._ends[wanted]

    def _given(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, Int64Array]:
        return {port.name: np.asarray(inputs[port.name], np.int64) for port in self.model.inputs}

    def _run_part(
        self, given: Mapping[str, Int64Array], wanted: Collection[str], ends: Mapping[str, Sequence[str]]
    ) -> dict[str, Int64Array]:
        """Return the ``wanted`` tensors; others are dropped where they end, as ``done_with`` says."""
        tensors = dict(given)
        for layer in self.model.layers:
            tensors[layer.name] = self._run_layer(layer, [tensors[name] for name in layer.inputs])
            for name in ends[layer.name]:
                del tensors[name]
        return {layer.name: tensors[layer.name] for layer in self.model.layers if layer.name in wanted}

    def _run_layer(self, layer: IntLayer, inputs: Sequence[Int64Array]) -> Int64Array:
        frames, step = len(inputs[0]), max(1, _CHUNK_ELEMENTS // math.prod(layer.shape))
        if frames <= step:
            return self._run_frames(layer, inputs)
        out = np.empty((frames, *layer.shape), np.int64)
        for start in range(0, frames, step):
            part = slice(start, start + step)
            out[part] = self._run_frames(layer, [values[part] for values in inputs])
        return out

    def _run_frames(self, layer: IntLayer, inputs: Sequence[Int64Array]) -> Int64Array:
        acc = self._programs[layer.name](*inputs)
        out = self._requants[layer.name](acc.reshape(len(acc), -1, layer.requant.channels))
        if layer.table:
            out = layer.table(out)
        return layer.op.in_raster(out).reshape(-1, *layer.shape)


def _parts(layers: Sequence[IntLayer], frames: int) -> list[slice]:
    """Return the frames that run together, as many parts for one thread as for another."""
    if frames <= 1:
        return [slice(0, frames)]
    elements, threads = [math.prod(layer.shape) for layer in layers] or [1], processors()
    most = min(-(-frames // threads), _PART_ELEMENTS // max(elements))
    least = -(-_THREAD_ELEMENTS // sum(elements))
    count = -(-frames // max(1, most, least))
    if count > 1:
        count = -(-count // threads) * threads
    step = -(-frames // count)
    return [slice(start, min(start + step, frames)) for start in range(0, frames, step)]


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
        others = []
        for layer in model.layers:
            if layer is self._layers[layer.name] and same.issuperset(layer.inputs):
                same.add(layer.name)
                tensors[layer.name] = self._tensors[layer.name]
            else:
                others.append(layer)
        names = [port.name for port in model.outputs]
        if others:
            rest = Golden(replace(model, inputs=(), input_types=(), layers=tuple(others), outputs=()))
            made = {layer.name for layer in others}
            read = {name for layer in others for name in layer.inputs} - made
            tensors |= rest.run_layers({name: tensors[name] for name in read}, made.intersection(names))
        return {name: tensors[name] for name in names}
