"""Where an integer model comes from."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Origin(BaseModel):
    """What a saved integer model remembers of its ONNX file: SHA-256, number of parameters, and its name.

    The name is without folders, and None in a project that was made before names were saved.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    params: Annotated[int, Field(ge=0)]
    file: Annotated[str, Field(max_length=4096)] | None = None
