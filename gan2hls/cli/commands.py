"""The command line.  The only module that prints."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from typer.core import TyperGroup

from gan2hls import __version__
from gan2hls.base import Gan2HlsError
from gan2hls.cli import options as arguments
from gan2hls.cli.tables import Progress, show_assignment, show_compression, show_inspection, show_report, show_steps
from gan2hls.config import VERIFY_STEPS
from gan2hls.flow import RESUMABLE, STAGES, build, generate, inspect, verify_project
from gan2hls.report import AssignmentReport, Report

_EXIT_CODES = """
Exit codes: 0 success, 1 a bug of gan2hls, 2 wrong usage, 3 broken model, 4 unsupported model, 5 config,
6 folding, 7 verification failed, 8 tool missing or failed, 9 output not writable, 130 interrupted, 141 output closed.
"""


class _Group(TyperGroup):
    """Turns our errors into messages and exit codes; wrong usage stays with typer."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # which ``__main__`` tells
            code = 130
        except Gan2HlsError as error:
            _show_error(error)
            code = error.exit_code
        except Exception as error:
            if isinstance(error, typer.Exit | typer.Abort) or hasattr(error, "exit_code"):
                raise  # wrong usage, which typer prints
            _show_bug(error)
            code = 1
        raise typer.Exit(code)


app = typer.Typer(
    name="gan2hls",
    cls=_Group,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Tool(StrEnum):
    """HLS compilers of the vendor step."""

    VITIS = "vitis"
    BAMBU = "bambu"


Verbose = Annotated[
    int,
    typer.Option("-v", "--verbose", count=True, help="Tell more; twice: debug log and tracebacks.", show_default=False),
]
ModelFile = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="ONNX file, or a project's folder (build: only with --from).", show_default=False
    ),
]
OnnxFile = Annotated[Path, typer.Argument(metavar="MODEL", help="ONNX file.", show_default=False)]
InputShapes = Annotated[
    list[str] | None,
    typer.Option(
        "--input-shape",
        metavar="NAME:D,D,..",
        help="Shape of an input, such as z:1,100, or 1,100 of the only one; may be repeated.",
        show_default=False,
    ),
]
VerifyOption = Annotated[
    str | None,
    typer.Option(
        "--verify",
        metavar="STEPS",
        help=f"Steps to run, of {','.join(VERIFY_STEPS)}. Default: all that can.",
        show_default=False,
    ),
]
HlsToolOption = Annotated[
    Tool | None,
    typer.Option(
        "--hls-tool", help="HLS compiler of the vendor step. Default: none, the step is skipped.", show_default=False
    ),
]
OnnxOption = Annotated[
    Path | None, typer.Option("--model", metavar="FILE", help="The ONNX file, for the float step.", show_default=False)
]


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"gan2hls {__version__}")
        raise typer.Exit


@app.callback(epilog=_EXIT_CODES)
def _main(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Turn a GAN generator in ONNX into verified HLS C++ and SystemVerilog."""


_BUILD_HELP = """
Build a project from MODEL: quantize, schedule, emit, verify, write.

[bold]Examples[/bold]

  gan2hls build generator.onnx

  gan2hls build generator.onnx --fps 500 --clock 200 --part xc7z020clg400-1

  gan2hls build generator.onnx -c config.yaml -o out --verify float,csim

  gan2hls build generator.onnx --input-shape z:1,100 --calibration latents.npy

  gan2hls build hls_out/generator --from schedule --fps 1000

A vendor compiler is run only when --hls-tool names it.  Every key of the YAML config: docs/configuration.md.
"""


@app.command("build", help=_BUILD_HELP, epilog=_EXIT_CODES)
def build_command(
    model: ModelFile,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="NAME/ is made in it. Default: hls_out.", show_default=False
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("-c", "--config", metavar="FILE", help="YAML config; options win over it.", show_default=False),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            help="Frames a second to reach, with the fewest DSP blocks. Default: as fast as fits.", show_default=False
        ),
    ] = None,
    clock: Annotated[float | None, typer.Option(metavar="MHZ", help="Clock. Default: 200.", show_default=False)] = None,
    part: Annotated[
        str | None, typer.Option(help="FPGA part name. Default: xc7z020clg400-1.", show_default=False)
    ] = None,
    oversize: Annotated[
        bool, typer.Option("--oversize", help="Write a design that is estimated to be too large for the part.")
    ] = False,
    pe: Annotated[
        int | None, typer.Option(help="Output channels in parallel, in every layer.", show_default=False)
    ] = None,
    simd: Annotated[
        int | None, typer.Option(help="Input channels in parallel, in every layer.", show_default=False)
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=".npy or .npz inputs to measure ranges on. Default: drawn from N(0, 1).",
            show_default=False,
        ),
    ] = None,
    verify: VerifyOption = None,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Run no verification step.")] = False,
    hls_tool: HlsToolOption = None,
    input_shape: InputShapes = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a project even if it was built from another model file.")
    ] = False,
    start: Annotated[
        str, typer.Option("--from", metavar="STAGE", help=f"First stage: {', '.join(RESUMABLE)}.")
    ] = "load",
    stop: Annotated[str, typer.Option("--to", metavar="STAGE", help=f"Last stage: {', '.join(STAGES)}.")] = "write",
    verbose: Verbose = 0,
) -> None:
    """Build a project."""
    _start_logging(verbose)
    if no_verify and verify is not None:
        raise typer.BadParameter("--no-verify and --verify exclude each other")
    overrides = arguments.overrides(
        target={"fps": fps, "clock_mhz": clock, "part": part, "pe": pe, "simd": simd, "oversize": oversize or None},
        calibration={"data": None if calibration is None else str(calibration)},
        verify={"steps": [] if no_verify else arguments.steps(verify), "hls_tool": hls_tool and hls_tool.value},
    )
    with Progress(err) as progress:
        result = build(
            model,
            config=config,
            overrides=overrides,
            output=output,
            input_shapes=arguments.shapes(input_shape),
            start=arguments.stage(start, RESUMABLE, "--from"),
            stop=arguments.stage(stop, STAGES, "--to"),
            replace=replace,
            notify=progress.notify,
        )
    if result.report is not None:
        show_report(out, result.report)
    elif result.assignment is not None:
        show_assignment(out, AssignmentReport.model_validate(result.assignment))
    if result.path is not None:
        out.print(f"written: {result.path}", soft_wrap=True)


_VERIFY_HELP = """
Verify a generated project again, from the files that stand in it.  Nothing in it is changed.

[bold]Examples[/bold]

  gan2hls verify hls_out/generator

  gan2hls verify hls_out/generator --verify csim,rtl

  gan2hls verify hls_out/generator --model generator.onnx

  gan2hls verify hls_out/generator --verify vendor --hls-tool bambu
"""


@app.command("verify", help=_VERIFY_HELP, epilog=_EXIT_CODES)
def verify_command(
    project: Annotated[
        Path, typer.Argument(metavar="PROJECT", help="Folder such as hls_out/NAME.", show_default=False)
    ],
    verify: VerifyOption = None,
    hls_tool: HlsToolOption = None,
    model: OnnxOption = None,
    verbose: Verbose = 0,
) -> None:
    """Verify a project again."""
    _start_logging(verbose)
    overrides = arguments.overrides(verify={"steps": arguments.steps(verify), "hls_tool": hls_tool and hls_tool.value})
    with Progress(err) as progress:
        ladder = verify_project(project, overrides=overrides, onnx_path=model, notify=progress.notify)
    show_steps(out, ladder.steps)
    if not ladder.passed:
        raise typer.Exit(7)


_INSPECT_HELP = """
Print the layers of MODEL, an ONNX file: shapes, parameters, and the MACs of a frame: those that are useful, those of an
engine with padded phases, those of an engine that inserts zeros.  Of a project, print the report.

[bold]Examples[/bold]

  gan2hls inspect generator.onnx

  gan2hls inspect generator.onnx --json

  gan2hls inspect hls_out/generator --svg graph.svg
"""


@app.command("inspect", help=_INSPECT_HELP, epilog=_EXIT_CODES)
def inspect_command(
    model: ModelFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="SVG to draw the graph to.", show_default=False)
    ] = None,
    input_shape: InputShapes = None,
    verbose: Verbose = 0,
) -> None:
    """Print what a model holds."""
    _start_logging(verbose)
    found = inspect(model, svg=svg, input_shapes=arguments.shapes(input_shape))
    if as_json:
        sys.stdout.write(json.dumps(found.to_dict(), indent=2) + "\n")
    elif isinstance(found, Report):
        show_report(out, found)
    else:
        show_inspection(out, found)


_GENERATE_HELP = """
Generate pictures with MODEL, an ONNX file or a project: a PNG whose rows are float, golden model and HLS C++.

[bold]Examples[/bold]

  gan2hls generate generator.onnx -o faces.png -n 32

  gan2hls generate hls_out/generator --seed 7
"""


@app.command("generate", help=_GENERATE_HELP, epilog=_EXIT_CODES)
def generate_command(
    model: ModelFile,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="PNG to write.")] = Path(
        "generated.png"
    ),
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=4096, help="Pictures a row.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the inputs.")] = 0,
    config: Annotated[
        Path | None, typer.Option("-c", "--config", metavar="FILE", help="YAML config.", show_default=False)
    ] = None,
    onnx_model: OnnxOption = None,
    input_shape: InputShapes = None,
    verbose: Verbose = 0,
) -> None:
    """Generate pictures."""
    _start_logging(verbose)
    with Progress(err) as progress:
        rows = generate(
            model,
            output,
            count=count,
            seed=seed,
            config=config,
            onnx_path=onnx_model,
            input_shapes=arguments.shapes(input_shape),
            notify=progress.notify,
        )
    out.print(f"written: {output} (rows: {', '.join(rows)})", soft_wrap=True)


_COMPRESS_HELP = """
Compress the weights of MODEL after training, as a YAML recipe says, and write a smaller ONNX file of nearly the same
function, which runs everywhere and whose codes gan2hls build recognizes.

[bold]Examples[/bold]

  gan2hls compress generator.onnx -r recipe.yaml -o small.onnx

  gan2hls build small.onnx

A recipe: [dim]layers: {'*': {weight: codebook<16>}, l0_dense: {weight: ternary}}[/dim].  Every key: docs/compress.md.
"""


@app.command("compress", help=_COMPRESS_HELP, epilog=_EXIT_CODES)
def compress_command(
    model: OnnxFile,
    recipe: Annotated[Path, typer.Option("-r", "--recipe", metavar="FILE", help="YAML recipe.", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="ONNX file to write.", show_default=False)
    ],
    input_shape: InputShapes = None,
    verbose: Verbose = 0,
) -> None:
    """Compress a model."""
    from gan2hls.compress import compress

    _start_logging(verbose)
    with Progress(err) as progress:
        made = compress(model, recipe, output, input_shapes=arguments.shapes(input_shape), notify=progress.notify)
    show_compression(out, made)
    out.print(f"written: {output}", soft_wrap=True)


def _show_error(error: Gan2HlsError) -> None:
    if logging.getLogger("gan2hls").isEnabledFor(logging.DEBUG):
        traceback.print_exception(error)
    where = f"{printable(error.where)}: " if error.where else ""
    err.print(f"error: {where}{printable(error.message)}", markup=False, style=None)
    if error.hint:
        err.print(f"  hint: {printable(error.hint)}", markup=False)


def _show_bug(error: Exception) -> None:
    if logging.getLogger("gan2hls").isEnabledFor(logging.DEBUG):
        traceback.print_exception(error)
    err.print(f"error: a bug of gan2hls: {type(error).__name__}: {printable(str(error))}", markup=False)
    err.print("  hint: run it again with -v -v and report the traceback", markup=False)


def printable(text: str) -> str:
    """Return untrusted ``text`` without control characters, so that it cannot steer a terminal."""
    return "".join(c if c == "\n" or c.isprintable() else "?" for c in text)


def _start_logging(verbose: int) -> None:
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logger = logging.getLogger("gan2hls")
    logger.setLevel(level)
    logger.handlers = [RichHandler(console=err, show_path=False, show_time=False, markup=False)]
    logger.propagate = False
