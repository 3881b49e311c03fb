// g2h_band_sequencer: walks the tap program a band of output rows at a time, once for each output fold, so that a fold's
// weights are needed for one stretch of time only: a tile.
//
// Equation    for each band of BandRows output rows with taps / co in CoFolds / output pixel of the band / (iy, ky) /
//             (ix, kx) / ci in CiFolds:
//               x_addr as g2h_sequencer has it
//               w_addr = slot * TileWords + (ky * KW + kx) * CiFolds + ci, slot the other one of two with each fold
//             The steps of a frame are those of g2h_sequencer.
// Memory      the tap memories of g2h_tap_address, of which those of rows may be gone round as in g2h_sequencer, wherever
//             bands begin and end; a release_rom word per band.
// Latency     as g2h_sequencer.  tile_release_o comes with the last address that is read in a tile.
// Handshake   the first step of an accumulator vector waits for a credit of the accumulator queue (AccDepth words), the
//             first step of a tile also until the tile is there (tile_avail_i), the first step of a band also for the
//             band's input rows (row_avail_i); every other step is issued unconditionally.
// Parameters  as g2h_sequencer; WAddrBits holds 2 * TileWords - 1.
module g2h_band_sequencer #(
  parameter int unsigned InRows      = 1,
  parameter int unsigned Rows        = 1,
  parameter int unsigned RowWords    = 1,
  parameter int unsigned Bands       = 1,
  parameter int unsigned BandRows    = 1,
  parameter int unsigned YTaps       = 1,
  parameter int unsigned XTaps       = 1,
  parameter int unsigned CoFolds     = 1,
  parameter int unsigned CiFolds     = 1,
  parameter int unsigned Groups      = 1,
  parameter int unsigned TileWords   = 1,
  parameter int unsigned AccDepth    = 16,
  parameter int unsigned XAddrBits   = 1,
  parameter int unsigned WAddrBits   = 1,
  parameter int unsigned FreeBits    = 2,
  parameter int unsigned CoBits      = 1,
  parameter int unsigned LoopTap     = 0,
  parameter int unsigned LoopEndTap  = 0,
  parameter int unsigned LoopRounds  = 1,
  parameter              XTapFile    = "",
  parameter              YTapFile    = "",
  parameter              ReleaseFile = ""
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 row_avail_i,
  output logic                 row_take_o,
  input  logic                 acc_freed_i,
  input  logic                 tile_avail_i,
  output logic                 tile_take_o,
  output logic                 tile_release_o,
  output logic [XAddrBits-1:0] x_addr_o,
  output logic [WAddrBits-1:0] w_addr_o,
  output logic [CoBits-1:0]    co_o,
  output logic [3:0]           step_o,
  output logic [FreeBits-1:0]  release_o
);
  localparam int unsigned Total      = Rows * RowWords;
  localparam int unsigned FrameStep  = (InRows % Rows) * RowWords;
  localparam int unsigned GroupFolds = CoFolds / Groups;
  localparam int unsigned XPtrBits   = (XTaps > 1) ? $clog2(XTaps) : 1;
  localparam int unsigned YPtrBits   = (YTaps > 1) ? $clog2(YTaps) : 1;
  localparam int unsigned RPtrBits   = (Bands > 1) ? $clog2(Bands) : 1;
  localparam int unsigned BPtrBits   = (BandRows > 1) ? $clog2(BandRows) : 1;
  localparam int unsigned CiBits     = (CiFolds > 1) ? $clog2(CiFolds) : 1;
  localparam int unsigned FoldBits   = (GroupFolds > 1) ? $clog2(GroupFolds) : 1;

  if (CoFolds % Groups != 0) begin : g_check_groups
    $error("g2h_band_sequencer: Groups must divide CoFolds");
  end

  // Pointers.  Invariant: x_q, y_q point at the step to be issued; xs_q, ys_q at the first taps of its output pixel, yb_q
  // at the first of its band; row_q counts rows of the band; tile_q is the first word of its tile, coci_q = tile_q + ci,
  // gbase_q = group(co) * CiFolds, cin_q = gbase_q + ci.
  logic [XPtrBits-1:0]  x_d, x_q, xs_d, xs_q;
  logic [YPtrBits-1:0]  y_d, y_q, ys_d, ys_q, yb_q;
  logic [RPtrBits-1:0]  r_q;
  logic [BPtrBits-1:0]  row_q;
  logic [CiBits-1:0]    ci_q;
  logic [CoBits-1:0]    co_q;
  logic [FoldBits-1:0]  fold_q;
  logic [WAddrBits-1:0] tile_d, tile_q, coci_q;
  logic [XAddrBits-1:0] gbase_d, gbase_q, cin_q, frame_base;
  logic [3:0]           release_q;
  logic                 first_q, tile_first_q, band_first_q;
  logic                 credit, go;
  logic                 ci_last, x_last, y_last, co_last, fold_last;
  logic                 vector_done, row_done, tile_done, band_done, frame_done;
  logic                 again;

  assign ci_last     = ci_q == CiBits'(CiFolds - 1);
  assign co_last     = co_q == CoBits'(CoFolds - 1);
  assign fold_last   = fold_q == FoldBits'(GroupFolds - 1);
  assign vector_done = ci_last && x_last && y_last;
  assign row_done    = vector_done && (x_q == XPtrBits'(XTaps - 1));
  assign tile_done   = row_done && (row_q == BPtrBits'(BandRows - 1));
  assign band_done   = tile_done && co_last;
  assign frame_done  = band_done && (y_q == YPtrBits'(YTaps - 1));

  if (LoopRounds == 1) begin : g_once
    assign again = 1'b0;
  end else begin : g_loop
    // The round of the row that is walked, and that of the first row of its band, where each fold begins again.
    localparam int unsigned RoundBits = $clog2(LoopRounds);
    logic [RoundBits-1:0] round_d, round_q, band_round_q;
    logic                 at_end;

    assign at_end = row_done && (y_q == YPtrBits'(LoopEndTap));
    assign again  = at_end && (round_q != RoundBits'(LoopRounds - 1));

    always_comb begin
      round_d = round_q;
      if (tile_done && !co_last) round_d = band_round_q;
      else if (at_end) round_d = again ? round_q + RoundBits'(1) : '0;
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        round_q      <= '0;
        band_round_q <= '0;
      end else if (go) begin
        round_q <= round_d;
        if (band_done) band_round_q <= round_d;
      end
    end
  end

  assign go          = (!first_q || credit) && (!tile_first_q || tile_avail_i) && (!band_first_q || row_avail_i);
  assign row_take_o  = go && band_first_q;
  assign tile_take_o = go && tile_first_q;

  g2h_credit #(
    .Depth(AccDepth)
  ) u_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (go && first_q),
    .give_i (acc_freed_i),
    .avail_o(credit)
  );

  always_comb begin
    x_d  = x_q;
    xs_d = xs_q;
    y_d  = y_q;
    ys_d = ys_q;
    if (row_done) begin
      x_d  = '0;
      xs_d = '0;
      if (tile_done && !co_last) y_d = yb_q;
      else if (again) y_d = YPtrBits'(LoopTap);
      else y_d = frame_done ? '0 : y_q + YPtrBits'(1);
      ys_d = y_d;
    end else if (vector_done) begin
      x_d  = x_q + XPtrBits'(1);
      xs_d = x_d;
      y_d  = ys_q;
    end else if (ci_last && x_last) begin
      x_d = xs_q;
      y_d = y_q + YPtrBits'(1);
    end else if (ci_last) begin
      x_d = x_q + XPtrBits'(1);
    end
  end

  assign tile_d  = !tile_done ? tile_q : (tile_q == '0) ? WAddrBits'(TileWords) : '0;
  assign gbase_d = !(tile_done && fold_last) ? gbase_q : co_last ? '0 : gbase_q + XAddrBits'(CiFolds);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      x_q          <= '0;
      xs_q         <= '0;
      y_q          <= '0;
      ys_q         <= '0;
      yb_q         <= '0;
      r_q          <= '0;
      row_q        <= '0;
      ci_q         <= '0;
      co_q         <= '0;
      fold_q       <= '0;
      tile_q       <= '0;
      coci_q       <= '0;
      gbase_q      <= '0;
      cin_q        <= '0;
      first_q      <= 1'b1;
      tile_first_q <= 1'b1;
      band_first_q <= 1'b1;
    end else if (go) begin
      x_q          <= x_d;
      xs_q         <= xs_d;
      y_q          <= y_d;
      ys_q         <= ys_d;
      if (band_done) yb_q <= y_d;
      if (band_done) r_q <= frame_done ? '0 : r_q + RPtrBits'(1);
      if (row_done) row_q <= tile_done ? '0 : row_q + BPtrBits'(1);
      ci_q         <= ci_last ? '0 : ci_q + CiBits'(1);
      if (tile_done) co_q <= co_last ? '0 : co_q + CoBits'(1);
      if (tile_done) fold_q <= fold_last ? '0 : fold_q + FoldBits'(1);
      tile_q       <= tile_d;
      coci_q       <= ci_last ? tile_d : coci_q + WAddrBits'(1);
      gbase_q      <= gbase_d;
      cin_q        <= ci_last ? gbase_d : cin_q + XAddrBits'(1);
      first_q      <= vector_done;
      tile_first_q <= tile_done;
      band_first_q <= band_done;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) release_q <= '0;
    else release_q <= {release_q[2:0], go && tile_done};
  end

  assign tile_release_o = release_q[3];

  g2h_frame_base #(
    .Total   (Total),
    .Step    (FrameStep),
    .AddrBits(XAddrBits)
  ) u_frame_base (
    .clk_i (clk_i),
    .rst_ni(rst_ni),
    .next_i(go && frame_done),
    .base_o(frame_base)
  );

  g2h_tap_address #(
    .Total      (Total),
    .XTaps      (XTaps),
    .YTaps      (YTaps),
    .Grants     (Bands),
    .XAddrBits  (XAddrBits),
    .WAddrBits  (WAddrBits),
    .FreeBits   (FreeBits),
    .CoBits     (CoBits),
    .XPtrBits   (XPtrBits),
    .YPtrBits   (YPtrBits),
    .RPtrBits   (RPtrBits),
    .XTapFile   (XTapFile),
    .YTapFile   (YTapFile),
    .ReleaseFile(ReleaseFile)
  ) u_address (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .go_i     (go),
    .first_i  (first_q),
    .last_i   (vector_done),
    .done_i   (band_done),
    .x_ptr_i  (x_q),
    .y_ptr_i  (y_q),
    .r_ptr_i  (r_q),
    .base_i   (frame_base),
    .cin_i    (cin_q),
    .coci_i   (coci_q),
    .co_i     (co_q),
    .x_last_o (x_last),
    .y_last_o (y_last),
    .x_addr_o (x_addr_o),
    .w_addr_o (w_addr_o),
    .co_o     (co_o),
    .step_o   (step_o),
    .release_o(release_o)
  );
endmodule
