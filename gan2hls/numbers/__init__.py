"""Integer types, their meaning as real numbers, requantizers and tables: the arithmetic, once."""

from gan2hls.numbers.numerics import (
    FLOAT32_EXACT,
    FLOAT64_EXACT,
    Float32Array,
    FloatArray,
    Int32Array,
    Int64Array,
    IntType,
    QuantType,
    Requant,
    Table,
    Ties,
)
from gan2hls.numbers.rsqrt import (
    ALONG_BITS,
    CHORDS,
    DROP_BITS,
    MOST_BITS,
    MOST_ERROR,
    ROOT_BITS,
    START_BITS,
    chords,
    reciprocal_root,
)

__all__ = [
    "ALONG_BITS",
    "CHORDS",
    "DROP_BITS",
    "FLOAT32_EXACT",
    "FLOAT64_EXACT",
    "MOST_BITS",
    "MOST_ERROR",
    "ROOT_BITS",
    "START_BITS",
    "Float32Array",
    "FloatArray",
    "Int32Array",
    "Int64Array",
    "IntType",
    "QuantType",
    "Requant",
    "Table",
    "Ties",
    "chords",
    "reciprocal_root",
]
