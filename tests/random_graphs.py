"""Random models with forks and joins: layers, functions, norms, views, sums of whatever tensors there are; by seed."""

from __future__ import annotations

import numpy as np

from tests.random_views import ViewModel

VIEWS = (
    ViewModel.depth_to_space,
    ViewModel.space_to_depth,
    ViewModel.channel_shuffle,
    ViewModel.resize,
    ViewModel.pad,
    ViewModel.crop,
    ViewModel.flip,
    ViewModel.channels,
)
LAYERS = (ViewModel.conv, ViewModel.conv, ViewModel.conv, ViewModel.conv_transpose)
#: Elements beyond which tensors are not made larger.
_MOST = 2000


class GraphModel(ViewModel):
    """A model under construction; ``tensors`` are all so far, of which any may be read again."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tensors = {self.name: self.shape}

    def go_on(self) -> None:
        """Continue at some tensor, mostly the last one or those before it."""
        names = list(self.tensors)
        far = int(self.rng.geometric(0.5))
        self.name = names[max(0, len(names) - far)]
        self.shape = self.tensors[self.name]

    def keep(self) -> None:
        """Note the current tensor."""
        self.tensors[self.name] = self.shape

    def join(self) -> None:
        """Add the current tensor and another, which a convolution of 1 x 1 fits where only its channels differ."""
        first, shape = self.name, self.shape
        others = [name for name, other in self.tensors.items() if other[2:] == shape[2:] and name != first]
        if self.rng.integers(4) == 0:
            self.concat()
            return
        if not others:
            self.points()
            return
        self.name = others[int(self.rng.integers(len(others)))]
        self.shape = self.tensors[self.name]
        if self.shape != shape:
            weight = self.weights(shape[1], self.shape[1], 1, 1)
            self.node(f"Conv(@, {weight})", shape)
        match int(self.rng.integers(8)):
            case 0:
                self.node(f"Sub({first}, @)", shape)
            case 5:
                self.node(f"Mul({first}, @)", shape)
            case 6:
                self.node(f"{self.rng.choice(['Max', 'Min'])}(@, {first})", shape)
            case 7:
                self.name, self.shape = first, shape
                self.gate()
            case 1:
                self.node(f"Sum(@, {first}, {others[0] if self.tensors[others[0]] == shape else first})", shape)
            case 2:
                self.node(f"Mul(@, {self.constant(np.float32(0.25))})", shape)
                self.node(f"Add({first}, @)", shape)
            case _:
                self.node(f"Add(@, {first})", shape)

    def gate(self) -> None:
        """The current tensor and what is made of it: a vector of its channels, or a plane of one channel."""
        first, shape = self.name, self.shape
        if self.rng.integers(3) == 0:
            pool = self.rng.choice(["GlobalAveragePool", "GlobalMaxPool", "ReduceMean<axes = [2, 3]>"])
            self.node(f"{pool}(@)", (1, shape[1], 1, 1))
        elif self.rng.integers(2):
            self.node(f"Conv(@, {self.weights(shape[1], *shape[1:])})", (1, shape[1], 1, 1))
        else:
            self.node(f"Conv(@, {self.weights(1, shape[1], 1, 1)})", (1, 1, *shape[2:]))
        op = self.rng.choice(["Add", "Sub", "Mul", "Max", "Min"])
        self.node(f"{op}({first}, @)" if self.rng.integers(2) else f"{op}(@, {first})", shape)

    def pool(self) -> None:
        """Means or greatest values of windows, which may overlap."""
        _, channels, height, width = self.shape
        if min(height, width) < 3:
            self.points()
            return
        k, s = int(self.rng.integers(2, 4)), int(self.rng.integers(1, 4))
        op = self.rng.choice(["AveragePool", "MaxPool"])
        made = (1, channels, (height - k) // s + 1, (width - k) // s + 1)
        self.node(f"{op}<kernel_shape = [{k}, {k}], strides = [{s}, {s}]>(@)", made)

    def concat(self) -> None:
        """Put the current tensor and others, itself among them, one behind the other."""
        first, shape, axis = self.name, self.shape, int(self.rng.choice([1, 1, 1, 2, 3]))
        alike = [
            name
            for name, other in self.tensors.items()
            if all(a == b for n, (a, b) in enumerate(zip(other, shape, strict=True)) if n != axis)
        ]
        names = [first, *(alike[int(n)] for n in self.rng.integers(len(alike), size=int(self.rng.integers(1, 3))))]
        order = [names[int(n)] for n in self.rng.permutation(len(names))]
        made = list(shape)
        made[axis] = sum(self.tensors.get(name, shape)[axis] for name in names)
        self.node(f"Concat<axis = {axis}>({', '.join(order)})", tuple(made))

    def norm(self) -> None:
        """A normalization of channels, of groups, of pixels or of all, as an operator or spelled out."""
        _, channels, height, width = shape = self.shape
        match int(self.rng.integers(4)):
            case 0:
                scale, bias = self.weights(channels), self.weights(channels)
                self.node(f"InstanceNormalization<epsilon = 0.1>(@, {scale}, {bias})", shape)
            case 1:
                groups = int(self.rng.choice([n for n in range(1, channels + 1) if channels % n == 0]))
                rows = (1, groups, channels // groups * height * width)
                ones, zeros = self.constant(np.ones(groups, np.float32)), self.constant(np.zeros(groups, np.float32))
                self.node(f"Reshape(@, {self.constant(np.array(rows))})", rows)
                self.node(f"InstanceNormalization<epsilon = 0.1>(@, {ones}, {zeros})", rows)
                self.node(f"Reshape(@, {self.constant(np.array(shape))})", shape)
            case 2:
                self.node("Transpose<perm = [0, 2, 3, 1]>(@)", (1, height, width, channels))
                scale = self.weights(channels)
                self.node(f"LayerNormalization<epsilon = 0.1>(@, {scale})", self.shape)
                self.node("Transpose<perm = [0, 3, 1, 2]>(@)", shape)
            case _:
                x, small = self.name, self.constant(np.float32(0.1))
                self.node("Mul(@, @)", shape)
                self.node("ReduceMean<axes = [1, 2, 3]>(@)", (1, 1, 1, 1))
                self.node(f"Add(@, {small})", self.shape)
                self.node("Sqrt(@)", self.shape)
                self.node(f"Div({x}, @)", shape)

    def text(self) -> str:
        """Return the body of a model whose output is the current tensor, and what nobody reads has gone."""
        return " ".join([*self.body, f"y = Identity({self.name})"])


def random_graph(seed: int, steps: int = 9) -> GraphModel:
    """A model of up to ``steps`` layers, functions, views and sums."""
    rng = np.random.default_rng(seed)
    model = GraphModel(rng, (1, int(rng.choice([2, 4])), 4, 6))
    for n in range(steps):
        model.go_on()
        large = int(np.prod(model.shape)) > _MOST
        match int(rng.integers(10)):
            case 0 | 1 | 2 if n and not large:
                LAYERS[int(rng.integers(len(LAYERS)))](model)
            case 3 | 4 if not large:
                VIEWS[int(rng.integers(len(VIEWS)))](model)
            case 5 if rng.integers(2):
                model.pool()
            case 5:
                model.points()
            case 6 if rng.integers(2):
                model.norm()
            case _:
                model.join()
        model.keep()
    if rng.integers(2):
        model.join()
    return model
