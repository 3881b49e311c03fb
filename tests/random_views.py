"""Random models of views: operators that compute nothing between layers that do, with parameters from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np

Shape = tuple[int, ...]


@final
@dataclass
class ViewModel:
    """A model under construction, in onnx's text form; the current tensor is ``name`` of ``shape``, first the input."""

    rng: np.random.Generator
    shape: Shape
    name: str = "x"
    body: list[str] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start = self.shape

    def constant(self, value: np.ndarray) -> str:
        """Add a constant and return its name."""
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def weights(self, *shape: int) -> str:
        """Add random float32 weights and return their name."""
        return self.constant(self.rng.normal(size=shape).astype(np.float32))

    def node(self, text: str, shape: Shape) -> None:
        """Add ``text``, in which ``@`` stands for the current tensor."""
        name = f"t{len(self.body)}"
        self.body.append(f"{name} = {text.replace('@', self.name)}")
        self.name, self.shape = name, shape

    def text(self) -> str:
        """Return the body of a model whose output is the current tensor."""
        return " ".join([*self.body, f"y = Identity({self.name})"])

    # --- layers

    def conv(self) -> None:
        """A convolution of 1 x 1 or 3 x 3, with groups where the channels allow."""
        channels = self.shape[1]
        kernel = int(self.rng.choice([1, 3])) if min(self.shape[2:]) >= 3 else 1
        groups = int(self.rng.choice([n for n in (1, 1, 1, 2, channels) if channels % n == 0]))
        out = groups * int(self.rng.choice([1, 4])) if groups > 1 else int(self.rng.choice([3, 4, 8, 12]))
        pad = int(self.rng.integers(2)) if kernel == 3 else 0
        size = tuple(n + 2 * pad - kernel + 1 for n in self.shape[2:])
        weight, bias = self.weights(out, channels // groups, kernel, kernel), self.weights(out)
        self.node(f"Conv<group = {groups}, pads = {[pad] * 4}>(@, {weight}, {bias})", (1, out, *size))

    def conv_transpose(self) -> None:
        """A transposed convolution of stride 2."""
        weight = self.weights(self.shape[1], 4, 3, 3)
        self.node(f"ConvTranspose<strides = [2, 2]>(@, {weight})", (1, 4, *(2 * n + 1 for n in self.shape[2:])))

    def gemm(self) -> None:
        """A dense layer that becomes an image of four channels."""
        count = int(np.prod(self.shape))
        self.node(f"Reshape(@, {self.constant(np.array([1, count]))})", (1, count))
        self.node(f"Gemm(@, {self.weights(count, 64)})", (1, 64))
        self.node(f"Reshape(@, {self.constant(np.array([1, 4, 4, 4]))})", (1, 4, 4, 4))

    def points(self) -> None:
        """A function of each element: straight, curved, per channel, or one that moves zeros."""
        match int(self.rng.integers(4)):
            case 0:
                self.node(f"PRelu(@, {self.weights(self.shape[1], 1, 1)})", self.shape)
            case 1:
                self.node("Tanh(@)", self.shape)
            case 2:
                self.node("Relu(@)", self.shape)
            case _:
                self.node(f"Add(@, {self.weights(1, self.shape[1], 1, 1)})", self.shape)

    # --- views

    def depth_to_space(self) -> None:
        """DepthToSpace, or its spellings of six axes, of factor 2."""
        _, c, h, w = self.shape
        if c % 4:
            self.flip()
            return
        made = (1, c // 4, 2 * h, 2 * w)
        match int(self.rng.integers(4)):
            case 0:
                self.node("DepthToSpace<blocksize = 2>(@)", made)
            case 1:
                self.node('DepthToSpace<blocksize = 2, mode = "CRD">(@)', made)
            case 2:
                self._shuffled((1, c // 4, 2, 2, h, w), [0, 1, 4, 2, 5, 3], made)
            case _:
                self._shuffled((1, 2, 2, c // 4, h, w), [0, 3, 4, 1, 5, 2], made)

    def space_to_depth(self) -> None:
        """SpaceToDepth, or PyTorch's PixelUnshuffle, of factor 2."""
        _, c, h, w = self.shape
        if h % 2 or w % 2:
            self.flip()
            return
        made = (1, 4 * c, h // 2, w // 2)
        if self.rng.integers(2):
            self.node("SpaceToDepth<blocksize = 2>(@)", made)
            return
        self._shuffled((1, c, h // 2, 2, w // 2, 2), [0, 1, 3, 5, 2, 4], made)

    def channel_shuffle(self) -> None:
        """Reshape, Transpose, Reshape over two groups of channels."""
        _, c, h, w = self.shape
        if c % 2:
            self.flip()
            return
        self._shuffled((1, 2, c // 2, h, w), [0, 2, 1, 3, 4], self.shape)

    def _shuffled(self, parts: Shape, perm: list[int], made: Shape) -> None:
        self.node(f"Reshape(@, {self.constant(np.array(parts))})", parts)
        self.node(f"Transpose<perm = {perm}>(@)", tuple(parts[n] for n in perm))
        self.node(f"Reshape(@, {self.constant(np.array(made))})", made)

    def resize(self) -> None:
        """Nearest neighbours, by whole factors and others."""
        factors = [float(self.rng.choice([1.0, 2.0, 3.0, 1.5])) for _ in range(2)]
        size = tuple(int(np.floor(n * f)) for n, f in zip(self.shape[2:], factors, strict=True))
        scales = self.constant(np.array([1, 1, *factors], np.float32))
        mode = self.rng.choice(["half_pixel", "asymmetric"])
        self.node(
            f'Resize<mode = "nearest", coordinate_transformation_mode = "{mode}">(@, , {scales})',
            (*self.shape[:2], *size),
        )

    def pad(self) -> None:
        """Pads of every mode, negative ones too."""
        mode = self.rng.choice(["constant", "reflect", "edge"])
        pads = [int(self.rng.integers(-1, 3)) for _ in range(4)]
        rows, columns = (self.shape[2] + pads[0] + pads[2], self.shape[3] + pads[1] + pads[3])
        if min(self.shape[2:]) < 5 or min(rows, columns) < 2:
            self.flip()
            return
        amounts = self.constant(np.array([0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]]))
        self.node(f'Pad<mode = "{mode}">(@, {amounts})', (*self.shape[:2], rows, columns))

    def crop(self) -> None:
        """Slice along rows and columns."""
        begin = [int(self.rng.integers(0, max(1, n // 3))) for n in self.shape[2:]]
        end = [n - int(self.rng.integers(0, max(1, n // 3))) for n in self.shape[2:]]
        bounds = ", ".join(self.constant(np.array(values)) for values in (begin, end, [2, 3]))
        self.node(f"Slice(@, {bounds})", (*self.shape[:2], end[0] - begin[0], end[1] - begin[1]))

    def flip(self) -> None:
        """Slice backwards along one axis."""
        axis = int(self.rng.integers(2, 4))
        bounds = ", ".join(self.constant(np.array([value])) for value in (-1, -(2**31), axis, -1))
        self.node(f"Slice(@, {bounds})", self.shape)

    def channels(self) -> None:
        """One half of the channels, of Split, or some by Gather."""
        c = self.shape[1]
        if c % 2 == 0 and self.rng.integers(2):
            half = self.constant(np.array([c // 2, c // 2]))
            self.body.append(f"s{len(self.body)}, u{len(self.body)} = Split<axis = 1>({self.name}, {half})")
            self.name, self.shape = f"u{len(self.body) - 1}", (1, c // 2, *self.shape[2:])
            return
        order = self.rng.permutation(c)[: int(self.rng.integers(1, c + 1))]
        self.node(f"Gather<axis = 1>(@, {self.constant(order)})", (1, order.size, *self.shape[2:]))

    def zeros_between(self) -> None:
        """Put a row of zeros behind each row: the first half of a transposed convolution, spelled out."""
        _, c, h, w = self.shape
        zeros = self.constant(np.zeros((1, c, h, 1, w), np.float32))
        self.node(f"Reshape(@, {self.constant(np.array([1, c, h, 1, w]))})", (1, c, h, 1, w))
        self.node(f"Concat<axis = 3>(@, {zeros})", (1, c, h, 2, w))
        self.node(f"Reshape(@, {self.constant(np.array([1, c, 2 * h, w]))})", (1, c, 2 * h, w))


VIEWS = (
    ViewModel.depth_to_space,
    ViewModel.space_to_depth,
    ViewModel.channel_shuffle,
    ViewModel.resize,
    ViewModel.pad,
    ViewModel.crop,
    ViewModel.flip,
    ViewModel.channels,
    ViewModel.zeros_between,
)
LAYERS = (ViewModel.conv, ViewModel.conv, ViewModel.conv_transpose, ViewModel.gemm)
#: Elements beyond which tensors are not made larger.
_MOST = 3000


def random_views(seed: int, layers: int = 3) -> ViewModel:
    """A model of up to ``layers`` layers, with up to two views and a function between two of them."""
    rng = np.random.default_rng(seed)
    model = ViewModel(rng, (1, int(rng.choice([1, 4])), 4, 6))
    for n in range(layers + 1):
        if n:
            LAYERS[int(rng.integers(len(LAYERS)))](model)
        for _ in range(int(rng.integers(0, 3))):
            if int(np.prod(model.shape)) > _MOST:
                break
            VIEWS[int(rng.integers(len(VIEWS)))](model)
            if rng.random() < 0.25:
                model.points()
    return model
