// g2h_sequencer: walks the tap program, one MAC step a clock, and makes the addresses of input word and weight word.
//
// Equation    for each output pixel with taps (raster) / co in CoFolds / (iy, ky) / (ix, kx) / ci in CiFolds:
//               x_addr = (frame_base + (iy mod Rows) * RowWords) mod (Rows * RowWords)
//                        + ix * PixelWords + group(co) * CiFolds + ci
//               w_addr = ((ky * KW + kx) * CoFolds + co) * CiFolds + ci
//             A word holds SIMD channels of a group, or of each of several whole groups that a step works on; Groups
//             counts how often, group(co) = co / (CoFolds / Groups), and PixelWords = Groups * CiFolds.
//             frame_base advances by (InRows mod Rows) * RowWords a frame.  The number of steps of a frame is
//             taps of all output rows * XTaps * CoFolds * CiFolds: none is for an inserted zero or a padded tap.
// Memory      the tap memories of g2h_tap_address, a release_rom word per output row.  Where rows come again, those hold
//             the rows in front, of the first round, LoopRow and on, with the taps LoopTap .. LoopEndTap, and the rows
//             behind the last round: OutRows rows of YTaps taps.
// Latency     a step issued in clock t has x_addr_o, w_addr_o, co_o, step_o in clock t + 4: ROM words, sums, wrap,
//             final sum.  release_o comes with the row's last address, when its read really happens.
// Handshake   the first step of an accumulator vector waits for a credit of the accumulator queue (AccDepth words), the
//             first step of a row also for its row grant; every other step is issued unconditionally.  step_o is
//             {valid, first, last, idle}; no step is idle and primed_o is always high.
// Parameters  LoopRounds: how often the rows of a loop come, in the same slots of the line buffer; LoopEndTap < YTaps - 1.
//             All counts >= 1; Groups divides CoFolds; XAddrBits holds Rows * RowWords - 1, WAddrBits the greatest
//             weight address, FreeBits Rows + InRows, CoBits CoFolds - 1.
module g2h_sequencer #(
  parameter int unsigned InRows      = 1,
  parameter int unsigned Rows        = 1,
  parameter int unsigned RowWords    = 1,
  parameter int unsigned OutRows     = 1,
  parameter int unsigned YTaps       = 1,
  parameter int unsigned XTaps       = 1,
  parameter int unsigned CoFolds     = 1,
  parameter int unsigned CiFolds     = 1,
  parameter int unsigned Groups      = 1,
  parameter int unsigned AccDepth    = 16,
  parameter int unsigned XAddrBits   = 1,
  parameter int unsigned WAddrBits   = 1,
  parameter int unsigned FreeBits    = 2,
  parameter int unsigned CoBits      = 1,
  parameter int unsigned LoopRow     = 0,
  parameter int unsigned LoopTap     = 0,
  parameter int unsigned LoopEndTap  = 0,
  parameter int unsigned LoopRounds  = 1,
  parameter              XTapFile    = "",
  parameter              YTapFile    = "",
  parameter              ReleaseFile = ""
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
  localparam int unsigned Total      = Rows * RowWords;
  localparam int unsigned FrameStep  = (InRows % Rows) * RowWords;
  localparam int unsigned GroupFolds = CoFolds / Groups;
  localparam int unsigned XPtrBits   = (XTaps > 1) ? $clog2(XTaps) : 1;
  localparam int unsigned YPtrBits   = (YTaps > 1) ? $clog2(YTaps) : 1;
  localparam int unsigned RPtrBits   = (OutRows > 1) ? $clog2(OutRows) : 1;
  localparam int unsigned CiBits     = (CiFolds > 1) ? $clog2(CiFolds) : 1;

  if (CoFolds % Groups != 0) begin : g_check_groups
    $error("g2h_sequencer: Groups must divide CoFolds");
  end

  // Pointers.  Invariant: x_q, y_q point at the step to be issued; xs_q, ys_q at the first taps of its output pixel;
  // cobase_q = co * CiFolds, coci_q = cobase_q + ci, cin_q = group(co) * CiFolds + ci.
  logic [XPtrBits-1:0]  x_d, x_q, xs_d, xs_q;
  logic [YPtrBits-1:0]  y_d, y_q, ys_d, ys_q;
  logic [RPtrBits-1:0]  r_q;
  logic [CiBits-1:0]    ci_q;
  logic [CoBits-1:0]    co_q;
  logic [WAddrBits-1:0] cobase_d, cobase_q, coci_q;
  logic [XAddrBits-1:0] gbase_d, cin_q, frame_base;
  logic                 first_q, row_first_q;
  logic                 credit, go;
  logic                 ci_last, x_last, y_last, co_last, tap_done, vector_done, pixel_done, row_done, frame_done;
  logic                 again;

  assign ci_last     = ci_q == CiBits'(CiFolds - 1);
  assign co_last     = co_q == CoBits'(CoFolds - 1);
  assign tap_done    = ci_last;
  assign vector_done = tap_done && x_last && y_last;
  assign pixel_done  = vector_done && co_last;
  assign row_done    = pixel_done && (x_q == XPtrBits'(XTaps - 1));
  assign frame_done  = row_done && (y_q == YPtrBits'(YTaps - 1));

  if (LoopRounds == 1) begin : g_once
    assign again = 1'b0;
  end else begin : g_loop
    localparam int unsigned RoundBits = $clog2(LoopRounds);
    logic [RoundBits-1:0] round_q;
    logic                 at_end;

    assign at_end = row_done && (y_q == YPtrBits'(LoopEndTap));
    assign again  = at_end && (round_q != RoundBits'(LoopRounds - 1));

    always_ff @(posedge clk_i) begin
      if (!rst_ni) round_q <= '0;
      else if (go && at_end) round_q <= again ? round_q + RoundBits'(1) : '0;
    end
  end

  assign go         = (!first_q || credit) && (!row_first_q || row_avail_i);
  assign row_take_o = go && row_first_q;

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
      y_d  = again ? YPtrBits'(LoopTap) : frame_done ? '0 : y_q + YPtrBits'(1);
      ys_d = y_d;
    end else if (pixel_done) begin
      x_d  = x_q + XPtrBits'(1);
      xs_d = x_d;
      y_d  = ys_q;
    end else if (vector_done) begin
      x_d = xs_q;
      y_d = ys_q;
    end else if (tap_done && x_last) begin
      x_d = xs_q;
      y_d = y_q + YPtrBits'(1);
    end else if (tap_done) begin
      x_d = x_q + XPtrBits'(1);
    end
  end

  assign cobase_d = !vector_done ? cobase_q : co_last ? '0 : cobase_q + WAddrBits'(CiFolds);

  if (Groups == 1) begin : g_one_group
    assign gbase_d = '0;
  end else begin : g_groups
    localparam int unsigned FoldBits = (GroupFolds > 1) ? $clog2(GroupFolds) : 1;
    logic [FoldBits-1:0]  fold_q;
    logic [XAddrBits-1:0] gbase_q;
    logic                 fold_last;

    assign fold_last = fold_q == FoldBits'(GroupFolds - 1);
    assign gbase_d   = !(vector_done && fold_last) ? gbase_q : co_last ? '0 : gbase_q + XAddrBits'(CiFolds);

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        fold_q  <= '0;
        gbase_q <= '0;
      end else if (go) begin
        if (vector_done) fold_q <= fold_last ? '0 : fold_q + FoldBits'(1);
        gbase_q <= gbase_d;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      x_q         <= '0;
      xs_q        <= '0;
      y_q         <= '0;
      ys_q        <= '0;
      r_q         <= '0;
      ci_q        <= '0;
      co_q        <= '0;
      cobase_q    <= '0;
      coci_q      <= '0;
      cin_q       <= '0;
      first_q     <= 1'b1;
      row_first_q <= 1'b1;
    end else if (go) begin
      x_q         <= x_d;
      xs_q        <= xs_d;
      y_q         <= y_d;
      ys_q        <= ys_d;
      if (row_done) r_q <= again ? RPtrBits'(LoopRow) : frame_done ? '0 : r_q + RPtrBits'(1);
      ci_q        <= ci_last ? '0 : ci_q + CiBits'(1);
      if (vector_done) co_q <= co_last ? '0 : co_q + CoBits'(1);
      cobase_q    <= cobase_d;
      coci_q      <= tap_done ? cobase_d : coci_q + WAddrBits'(1);
      cin_q       <= tap_done ? gbase_d : cin_q + XAddrBits'(1);
      first_q     <= vector_done;
      row_first_q <= row_done;
    end
  end

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
    .Grants     (OutRows),
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
    .done_i   (row_done),
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

  assign primed_o = 1'b1;
endmodule
