"""The stages of a build, and what each of them leaves in the project.

=========  ============================  ==============================================
stage      makes                         saved in the project as
=========  ============================  ==============================================
load       the float graph               (the ONNX file itself)
passes     the rewritten graph           (cheap to make again)
lower      the integer model             ``integer_model.json``, ``.npz``
schedule   the design                    ``design.json``
emit       every generated file          ``hls/``, ``rtl/``, ``testbench/``, ``memory/``
verify     the ladder's results          ``report.json``
write      the project in its place
=========  ============================  ==============================================
"""

from __future__ import annotations

from typing import Literal, get_args

Stage = Literal["load", "passes", "lower", "schedule", "emit", "verify", "write"]
STAGES: tuple[Stage, ...] = get_args(Stage)
#: Stages that a build can start from: those whose input is saved.
RESUMABLE: tuple[Stage, ...] = ("load", "schedule", "emit")
