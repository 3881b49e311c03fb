"""The streams of a graph as it grows: who makes and reads each, and in which order its elements stand.

Streams that only functions of each element lie between, or sums, have one order, and change it together.  They may do
so while no reader relies on it: one that has placed its taps, or an output of the model.  Whoever comes later reads
the order that is there, or a copy.  Views that wait for their readers follow: they are of the stream as it stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import final

import numpy as np

from gan2hls.frontend.views import ZERO, View, images, is_identity
from gan2hls.kinds import KIND_BY_NAME
from gan2hls.model import Layer, Port, split
from gan2hls.numbers import Int64Array
from gan2hls.ops import Linear, Shape


@final
class Streams:
    """Inputs and layers of a graph under construction, and the views of them that are still to be read.

    Attributes:
        inputs: of the model, by name.
        layers: by name, in order.
        waiting: views that are still to be read, by ONNX name; not the one that is being read.
        held: the other operands of a layer that joins several views, while one of them is being placed.
    """

    def __init__(self) -> None:
        self.inputs: dict[str, Port] = {}
        self.layers: dict[str, Layer] = {}
        self.waiting: dict[str, View] = {}
        self.held: dict[int, View] = {}
        #: Layers that read a stream, by its name; an output of the model is ``""``.
        self._readers: dict[str, list[str]] = {}
        #: By layer, the index of the ONNX tensor that it makes.
        self._made: dict[str, Int64Array] = {}

    def add(self, layer: Layer, made: Int64Array | None = None) -> None:
        """Add a layer; ``made`` is the index of the ONNX tensor that it makes, where that is the whole stream."""
        self.layers[layer.name] = layer
        for name in layer.inputs:
            self._readers.setdefault(name, []).append(layer.name)
        if made is not None:
            self._made[layer.name] = made

    def add_output(self, name: str) -> None:
        """Note that a stream is an output of the model."""
        self._readers.setdefault(name, []).append("")

    def drop(self, name: str) -> None:
        """Take a layer that nobody reads out again."""
        for source in self.layers.pop(name).inputs:
            self._readers[source].remove(name)
        self._made.pop(name, None)

    def is_output(self, name: str) -> bool:
        """Whether a stream is an output of the model already."""
        return "" in self._readers.get(name, ())

    def shape(self, name: str) -> Shape:
        """Return the ``(H, W, C)`` of a stream."""
        return self.layers[name].shape if name in self.layers else self.inputs[name].shape

    def rasters(self, name: str) -> tuple[Shape, ...]:
        """Return the images that a stream of one pixel is, element by element: its layer has parameters for each."""
        made = self._made.get(name)
        if made is None or self.shape(name)[:2] != (1, 1):
            return ()
        seen = (image for image in images(made) if is_identity(image))
        return tuple((image.shape[0], image.shape[1], image.shape[2]) for image in seen)

    def describe(self, name: str) -> str:
        """Return what an error says of a stream."""
        if name in self.inputs:
            return f"the input {self.inputs[name].onnx_name!r}"
        return self.layers[name].source or self.layers[name].op.kind

    def is_made(self, view: View) -> bool:
        """Whether ``view`` is the whole ONNX tensor that a layer makes."""
        return self._made.get(view.tensor) is view.index

    def is_whole(self, view: View) -> bool:
        """Whether ``view`` has every element of its stream once, and no zeros."""
        count = math.prod(self.shape(view.tensor))
        flat = view.index.ravel()
        return self.is_made(view) or (
            flat.size == count and bool((flat >= 0).all()) and int(np.bincount(flat, minlength=count).min()) == 1
        )

    def roots(self, name: str) -> tuple[str, ...]:
        """Return the streams that give that of ``name`` its order: only layers that pass it on lie in between."""
        found: dict[str, None] = {}
        todo = [name]
        while todo:
            at = todo.pop()
            if at not in found:
                found[at] = None
                todo.extend(self.layers[at].inputs if self._passes_order_on(at) else ())
        return tuple(at for at in found if not self._passes_order_on(at))

    def together(self, name: str) -> tuple[str, ...] | None:
        """Return the streams that have one order with that of ``name``, which leads; None where a reader relies on it.

        A layer that takes any order does not.
        """
        found: dict[str, None] = {}
        todo = [name]
        while todo:
            at = todo.pop()
            if at in found:
                continue
            found[at] = None
            todo.extend(self.layers[at].inputs if self._passes_order_on(at) else ())
            for reader in self._readers.get(at, ()):
                if self._passes_order_on(reader):
                    todo.append(reader)
                elif not self._takes_any_order(reader):
                    return None
        return tuple(found)

    def provide(self, name: str, image: Int64Array) -> bool:
        """Make element ``j`` of a stream what its element ``image.ravel()[j]`` was; return False where that cannot be.

        All streams of its order change with it, and the views that wait.  With another operand of the layer under
        construction none changes, since that would change with it; both may leave out the same.

        Args:
            name: of the stream.
            image: int64 ``[H, W, C]``, no element twice; what it lacks is not computed any more.
        """
        count = math.prod(self.shape(name))
        whole = image.size == count
        if whole and is_identity(image):
            return True
        names = self.together(name)
        if names is None or (whole and any(view.tensor in names for view in self.held.values())):
            return False
        if not whole and not self._can_leave_out(names, image, count):
            return False
        changed = self._reordered(names, image)
        if changed is None:
            return False
        for at in names:
            if at in self.inputs:
                port = self.inputs[at]
                self.inputs[at] = replace(port, order=port.order[image.ravel()], shape=image.shape)
        self.layers |= changed
        self._move_views(names, image, count)
        return True

    def reshape(self, name: str, shape: Shape) -> None:
        """See a stream, and all of its order, as ``shape`` where nothing fixes their shape."""
        names = self.together(name)
        if names is None:
            return
        changed: dict[str, Layer] = {}
        for at in names:
            if at in self.layers:
                reshaped = KIND_BY_NAME[self.layers[at].op.kind].reshape(self.layers[at], shape)
                if reshaped is None:
                    return
                changed[at] = reshaped
        if self._joins(names) and any(layer.shape != shape for layer in changed.values()):
            return
        self.inputs |= {at: replace(self.inputs[at], shape=shape) for at in names if at in self.inputs}
        self.layers |= changed

    def _passes_order_on(self, name: str) -> bool:
        layer = self.layers.get(name)
        if layer is None or not KIND_BY_NAME[layer.op.kind].passes_order_on:
            return False
        size = math.prod(layer.shape)
        return all(math.prod(self.shape(source)) == size for source in layer.inputs)

    def _takes_any_order(self, name: str) -> bool:
        return name in self.layers and KIND_BY_NAME[self.layers[name].op.kind].absorbs_input_order

    def _joins(self, names: tuple[str, ...]) -> bool:
        """Whether one of the layers ``names`` that pass order on reads several streams."""
        return any(self._passes_order_on(name) and len(self.layers[name].inputs) > 1 for name in names)

    def _views(self, names: tuple[str, ...]) -> Iterator[View]:
        """Return the views of the streams ``names`` that others are still to read."""
        return (view for view in (*self.waiting.values(), *self.held.values()) if view.tensor in names)

    def _can_leave_out(self, names: tuple[str, ...], image: Int64Array, count: int) -> bool:
        """Whether nobody needs what ``image`` lacks of the ``count`` elements of each stream."""
        if any(at in self.inputs or any(map(self._takes_any_order, self._readers.get(at, ()))) for at in names):
            return False
        kept = np.zeros(count, bool)
        kept[image] = True
        return all(kept[view.index[view.index >= 0]].all() for view in self._views(names))

    def _reordered(self, names: tuple[str, ...], image: Int64Array) -> dict[str, Layer] | None:
        """Return the layers ``names`` with their streams in the order of ``image``, and those that take any order."""
        changed: dict[str, Layer] = {}
        for at in names:
            if at in self.layers:
                reordered = KIND_BY_NAME[self.layers[at].op.kind].reorder(self.layers[at], image)
                if reordered is None:
                    return None
                changed[at] = reordered
        if any(layer.shape != image.shape for layer in changed.values()) and self._stay_apart(names):
            return None
        for at in names:
            for reader in filter(self._takes_any_order, self._readers.get(at, ())):
                layer = changed.get(reader, self.layers[reader])
                assert isinstance(layer.op, Linear), reader
                weight = np.ascontiguousarray(layer.op.weight[..., image.ravel()])
                changed[reader] = replace(layer, op=replace(layer.op, weight=weight))
        return changed

    def _stay_apart(self, names: tuple[str, ...]) -> bool:
        """Whether layers of points among ``names`` must not have parameters for each element.

        Where they do not all join the convolution that they are functions of, they would cost memories; what is joined
        with others has their shape.
        """
        made = [self.layers[name] for name in names if name in self.layers]
        if len(made) < len(names):
            return self._joins(names)
        *pointwise, convolution = made
        readers = [len(self._readers.get(name, ())) for name in names]
        chain = all(layer.inputs == (name,) for layer, name in zip(made, names[1:], strict=False))
        if not chain or readers != [0, *(1,) * (len(names) - 1)] or any(self._views(names[1:])):
            return True
        channels = convolution.channels
        by_element = any(layer.shape[2] != channels for layer in pointwise)
        if by_element or convolution.op.sums_shape(convolution.shape)[:2] == (1, 1):
            return False
        points = [point for layer in reversed(pointwise) for point in layer.points]
        return any(split((*convolution.points, *points), channels).rest)

    def _move_views(self, names: tuple[str, ...], image: Int64Array, count: int) -> None:
        """Let the views of the streams ``names`` follow them into the order of ``image``."""
        if not any(self._views(names)):
            return
        place = np.full(count, ZERO, np.int64)
        place[image.ravel()] = np.arange(image.size)
        known: dict[int, Int64Array] = {}

        def moved(view: View) -> View:
            if view.tensor not in names:
                return view
            index = known.setdefault(id(view.index), np.where(view.index >= 0, place[view.index], ZERO))
            if self.is_made(view) and image.size == count:
                self._made[view.tensor] = index
            return replace(view, index=index)

        self.waiting |= {name: moved(view) for name, view in self.waiting.items()}
        self.held |= {n: moved(view) for n, view in self.held.items()}
