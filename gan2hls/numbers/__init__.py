"""Integer types, their meaning as real numbers, requantizers and tables: the arithmetic, once."""

from gan2hls.numbers.numerics import (
    FLOAT32_EXACT,
    FLOAT64_EXACT,
    Float32Array,
    FloatArray,
    Int64Array,
    IntType,
    QuantType,
    Requant,
    Table,
    Ties,
)

__all__ = [
    "FLOAT32_EXACT",
    "FLOAT64_EXACT",
    "Float32Array",
    "FloatArray",
    "Int64Array",
    "IntType",
    "QuantType",
    "Requant",
    "Table",
    "Ties",
]
