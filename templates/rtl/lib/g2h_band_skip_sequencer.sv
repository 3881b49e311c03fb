// g2h_band_skip_sequencer: walks a band of output rows once for each output fold, and issues a MAC step for each stored block
// of weights of the fold that a pixel needs, and for no other.
//
// Equation    for each band of BandRows output rows with taps / co in CoFolds / output pixel of the band / each of its runs /
//             block w of the run:
//               x_addr as g2h_skip_walk has it, w_addr as g2h_tile_address has it
//             A vector without blocks is one step that multiplies nothing.
//             Steps of a frame: those of g2h_skip_sequencer.
// Memory      see g2h_skip_walk and g2h_tile_address.
// Latency     as g2h_skip_sequencer.  tile_release_o, words, comes with the last address that is read in a tile.
// Handshake   the first step of an accumulator vector waits for a credit of the accumulator queue (AccDepth words), the
//             first step of a tile also until the tile is there (tile_avail_i), the first step of a band also for the
//             band's input rows (row_avail_i); every other step is issued unconditionally.  A tile without a word is
//             taken and released like any other.
// Parameters  as g2h_skip_sequencer, OutRows those of all bands, BlockBits holds Depth - 1; as g2h_tile_address.
module g2h_band_skip_sequencer #(
  parameter int unsigned InRows           = 1,
  parameter int unsigned Rows             = 1,
  parameter int unsigned RowWords         = 1,
  parameter int unsigned OutRows          = 1,
  parameter int unsigned XAddrBits        = 1,
  parameter int unsigned WAddrBits        = 1,
  parameter int unsigned BlockBits        = 1,
  parameter int unsigned Held             = 1,
  parameter int unsigned WordsBits        = 1,
  parameter int unsigned FirstWords       = 1,
  parameter int unsigned FreeBits         = 2,
  parameter int unsigned CoFolds          = 1,
  parameter int unsigned CoBits           = 1,
  parameter int unsigned AccDepth         = 16,
  parameter int unsigned Depth            = 1,
  parameter int unsigned YSteps           = 1,
  parameter int unsigned ColumnBits       = 1,
  parameter int unsigned OutColumns       = 1,
  parameter int unsigned BandRows         = 1,
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
  parameter              ReleaseFile      = "",
  parameter              TileFile         = ""
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  output logic                 primed_o,
  input  logic                 row_avail_i,
  output logic                 row_take_o,
  input  logic                 acc_freed_i,
  input  logic                 tile_avail_i,
  output logic                 tile_take_o,
  output logic [WordsBits-1:0] tile_release_o,
  output logic [XAddrBits-1:0] x_addr_o,
  output logic [WAddrBits-1:0] w_addr_o,
  output logic [CoBits-1:0]    co_o,
  output logic [3:0]           step_o,
  output logic [FreeBits-1:0]  release_o
);
  logic [BlockBits-1:0] block;
  logic                 band_first, tile_last;

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
    .BandRows        (BandRows),
    .Folds           (CoFolds),
    .BlockBits       (BlockBits)
  ) u_walk (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .primed_o    (primed_o),
    .part_avail_i(tile_avail_i && (!band_first || row_avail_i)),
    .part_take_o (tile_take_o),
    .band_first_o(band_first),
    .acc_freed_i (acc_freed_i),
    .x_addr_o    (x_addr_o),
    .block_o     (block),
    .part_last_o (tile_last),
    .co_o        (co_o),
    .step_o      (step_o),
    .release_o   (release_o)
  );

  assign row_take_o = tile_take_o && band_first;

  g2h_tile_address #(
    .Held      (Held),
    .Tiles     (CoFolds),
    .WAddrBits (WAddrBits),
    .BlockBits (BlockBits),
    .WordsBits (WordsBits),
    .FirstWords(FirstWords),
    .TileFile  (TileFile)
  ) u_tile_address (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .block_i  (block),
    .last_i   (tile_last),
    .addr_o   (w_addr_o),
    .release_o(tile_release_o)
  );
endmodule
