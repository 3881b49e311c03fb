"""What saved stages have in common: strict parts, and one error for all that is wrong with them."""

from __future__ import annotations

import struct
import zipfile
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gan2hls.base import ModelError

#: File names inside a project.
MODEL_JSON, MODEL_NPZ, DESIGN_JSON = "integer_model.json", "integer_model.npz", "design.json"
#: What broken bytes make pydantic, NumPy, zipfile and the checks of the stage values raise.
READ_ERRORS = (
    ValidationError,
    AssertionError,
    ArithmeticError,
    ValueError,
    LookupError,
    EOFError,
    RuntimeError,
    OSError,
    struct.error,
    zipfile.BadZipFile,
)

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Count = Annotated[int, Field(ge=1, le=1 << 31)]
Hwc = tuple[Count, Count, Count]


class Part(BaseModel):
    """A part of a saved stage: nothing missing, nothing more."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def broken(where: str, error: Exception) -> ModelError:
    """Return the error that ``where`` cannot be read because of ``error``."""
    what = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else error
    return ModelError(
        f"the saved stage is broken: {what}", where=where, hint="build the project again from the ONNX model"
    )
