"""Number formats as users spell them."""

from gan2hls.formats.precision import MAX_BITS, MAX_CENTROIDS, PATTERN, Precision

__all__ = [
    "MAX_BITS",
    "MAX_CENTROIDS",
    "PATTERN",
    "Precision",
]
