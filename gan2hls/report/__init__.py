"""What is told: the report, its pictures and figures, and what a model holds."""

from gan2hls.report.assemble import NOT_MEASURED, Fidelity, Timing, make_readme, make_report, shared_engines
from gan2hls.report.code_agreement import CodeAgreement, compare_codes
from gan2hls.report.drawing import draw_svg, model_nodes, rails, report_nodes
from gan2hls.report.inspect import LayerFacts, ModelFacts, inspect_model
from gan2hls.report.metrics import as_images, psnr_db, sqnr_db, ssim
from gan2hls.report.picture import draw_picture, float_outputs, golden_outputs, output_pictures, real_outputs
from gan2hls.report.schema import (
    AlternativeReport,
    AssignmentReport,
    MemoryReport,
    Quality,
    Report,
    ResourceReport,
    StepReport,
    WeightBits,
    WideningReport,
    no_verification,
    skipped,
)

__all__ = [
    "NOT_MEASURED",
    "AlternativeReport",
    "AssignmentReport",
    "CodeAgreement",
    "Fidelity",
    "LayerFacts",
    "MemoryReport",
    "ModelFacts",
    "Quality",
    "Report",
    "ResourceReport",
    "StepReport",
    "Timing",
    "WeightBits",
    "WideningReport",
    "as_images",
    "compare_codes",
    "draw_picture",
    "draw_svg",
    "float_outputs",
    "golden_outputs",
    "inspect_model",
    "make_readme",
    "make_report",
    "model_nodes",
    "no_verification",
    "output_pictures",
    "psnr_db",
    "rails",
    "real_outputs",
    "report_nodes",
    "shared_engines",
    "skipped",
    "sqnr_db",
    "ssim",
]
