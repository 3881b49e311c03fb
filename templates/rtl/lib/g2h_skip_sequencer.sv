// g2h_skip_sequencer: issues a MAC step for each stored block of weights that an output pixel needs, and for no other.
//
// Equation    for each output pixel with taps (raster), for each of its runs, for each block w of the run:
//               x_addr as g2h_skip_walk has it, w_addr = w
//             A vector without blocks is one step that multiplies nothing.
//             Steps of a frame: the non-empty blocks of all output pixels, and the vectors without any.
// Memory      see g2h_skip_walk.
// Latency     a step issued in clock t has x_addr_o, w_addr_o, co_o, step_o in clock t + 6.  release_o comes with the
//             row's last address.
// Handshake   as g2h_sequencer.  Runs are prefetched, so no step ever waits for one once reset is over.
// Parameters  as g2h_sequencer and g2h_skip_fetch; ColumnBits: see g2h_skip_walk.
module g2h_skip_sequencer #(
  parameter int unsigned InRows           = 1,
  parameter int unsigned Rows             = 1,
  parameter int unsigned RowWords         = 1,
  parameter int unsigned OutRows          = 1,
  parameter int unsigned XAddrBits        = 1,
  parameter int unsigned WAddrBits        = 1,
  parameter int unsigned FreeBits         = 2,
  parameter int unsigned CoFolds          = 1,
  parameter int unsigned CoBits           = 1,
  parameter int unsigned AccDepth         = 16,
  parameter int unsigned Depth            = 1,
  parameter int unsigned YSteps           = 1,
  parameter int unsigned ColumnBits       = 1,
  parameter int unsigned OutColumns       = 1,
  parameter int unsigned Pairs            = 1,
  parameter int unsigned Runs             = 1,
  parameter int unsigned LengthBits       = 1,
  parameter int unsigned PairBits         = 1,
  parameter int unsigned RunBits          = 1,
  parameter int unsigned RestBits         = 1,
  parameter              XOriginFile      = "",
  parameter              YOriginFile      = "",
  parameter              PairFile         = "",
  parameter              RunFile          = "",
  parameter              DisplacementFile = "",
  parameter              ReleaseFile      = ""
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  output logic                 primed_o,
  input  logic                 row_avail_i,
  output logic                 row_take_o,
  input  logic                 acc_freed_i,
  output logic [XAddrBits-1:0] x_addr_o,
  output logic [WAddrBits-1:0] w_addr_o,
  output logic [CoBits-1:0]    co_o,
  output logic [3:0]           step_o,
  output logic [FreeBits-1:0]  release_o
);
  logic [2*WAddrBits-1:0] addr_pipe_q;
  logic [WAddrBits-1:0]   block;
  logic                   band_first, part_last, unused_marks;

  g2h_skip_walk #(
    .InRows          (InRows),
    .Rows            (Rows),
    .RowWords        (RowWords),
    .OutRows         (OutRows),
    .OutColumns      (OutColumns),
    .Pairs           (Pairs),
    .Runs            (Runs),
    .XAddrBits       (XAddrBits),
    .FreeBits        (FreeBits),
    .CoFolds         (CoFolds),
    .CoBits          (CoBits),
    .AccDepth        (AccDepth),
    .Depth           (Depth),
    .YSteps          (YSteps),
    .ColumnBits      (ColumnBits),
    .LengthBits      (LengthBits),
    .PairBits        (PairBits),
    .RunBits         (RunBits),
    .RestBits        (RestBits),
    .XOriginFile     (XOriginFile),
    .YOriginFile     (YOriginFile),
    .PairFile        (PairFile),
    .RunFile         (RunFile),
    .DisplacementFile(DisplacementFile),
    .ReleaseFile     (ReleaseFile),
    .BlockBits       (WAddrBits)
  ) u_walk (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .primed_o    (primed_o),
    .part_avail_i(row_avail_i),
    .part_take_o (row_take_o),
    .band_first_o(band_first),
    .acc_freed_i (acc_freed_i),
    .x_addr_o    (x_addr_o),
    .block_o     (block),
    .part_last_o (part_last),
    .co_o        (co_o),
    .step_o      (step_o),
    .release_o   (release_o)
  );

  // The whole memory is there: a block's address is that of its word, and no part ends anything.
  always_ff @(posedge clk_i) addr_pipe_q <= {addr_pipe_q[WAddrBits-1:0], block};

  assign w_addr_o     = addr_pipe_q[WAddrBits+:WAddrBits];
  assign unused_marks = &{1'b0, band_first, part_last};
endmodule
