"""What everything stands on: errors, caches by identity, compiled functions, paths, threads."""

from gan2hls.base.compiled import compiled_once
from gan2hls.base.errors import (
    ConfigError,
    FoldingError,
    Gan2HlsError,
    ModelError,
    OutputError,
    ToolError,
    UnsupportedError,
    VerificationError,
)
from gan2hls.base.identity_cache import remembered, shared
from gan2hls.base.native import native_library
from gan2hls.base.paths import check_output_file, file_problem, is_lfs_pointer
from gan2hls.base.threads import (
    begun,
    free_processors,
    in_threads,
    one_blas_thread,
    one_thread,
    processors,
    side_by_side,
)

__all__ = [
    "ConfigError",
    "FoldingError",
    "Gan2HlsError",
    "ModelError",
    "OutputError",
    "ToolError",
    "UnsupportedError",
    "VerificationError",
    "begun",
    "check_output_file",
    "compiled_once",
    "file_problem",
    "free_processors",
    "in_threads",
    "is_lfs_pointer",
    "native_library",
    "one_blas_thread",
    "one_thread",
    "processors",
    "remembered",
    "shared",
    "side_by_side",
]
