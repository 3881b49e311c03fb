// g2h_requant: accumulators to output codes, Lanes a clock, the only rounding of the product.
//
// Equation    p = (Pieces == 2) && (acc >= threshold[c]);
//             code = clamp(((acc * mult[p, c] + offset[p, c]) >>> Shift) + ZeroPoint, Lo, Hi)
//             offset holds bias and rounding constant, so ties round toward +inf.  With HalfEven a tie, which leaves only
//             zeros to shift out, clears the least bit of what was shifted.  The channel c counts through all channels,
//             Lanes at a time, pixel after pixel (Groups beats a pixel).  With RowPhases the rows take turns, each with
//             channels of its own.  With Bands beats come fold by fold, as g2h_channels says.
//             With Turns frames of as many layers follow one another, TurnBeats beats each, with words of their own one behind
//             the other, and for each layer a shift by MoreShifts more, and ZeroPoints, Los and His of its own.
// Memory      one word per Lanes channels, those of a row phase together; lane l holds, from its least bit: mult[0], offset[0], and with two pieces
//             mult[1], offset[1], threshold (clipped to the accumulator's range, one bit wider than it).
//             Where Runs is not 0 there are a few runs of equal words instead, and the memory has one for each: RunStarts says
//             which word of the channels is the first of each run.
// Latency     a beat taken in clock t leaves in clock t + 7: ROM, ROM output register, select piece, multiply, add,
//             shift and zero point, clamp.  One beat a clock.
// Handshake   s_ready_o follows a registered credit of the output queue (OutDepth words), so the pipeline runs freely.
//             With Bands a credit is a place for a whole band (OutDepth of them): its first beat takes it.
//             Output pixels without taps (bits of XMask, YMask clear) take acc = 0 and no input; those before a frame's
//             first accumulator wait for it, so that no beat is sent ahead of its frame.
// Parameters  Pixels: of a row, or of a band with one phase; 1 where the address does not depend on it.  Rows: of a band;
//             Folds: of a band, each of all its pixels; both 1 without Bands.  AccBits signed; SumBits holds acc * mult + offset exactly; CodeBits is one bit more than its shifted
//             value, ZeroPoint added, and Lo, Hi need.  MoreShifts, ZeroPoints, Los, His: 32 bits for each turn.  RunStarts:
//             32 bits for each run, ascending from 0.
module g2h_requant #(
  parameter int unsigned          Lanes      = 1,
  parameter int unsigned          Groups     = 1,
  parameter int unsigned          AccBits    = 16,
  parameter int unsigned          Pieces     = 1,
  parameter int unsigned          MultBits   = 8,
  parameter int unsigned          OffsetBits = 16,
  parameter int unsigned          SumBits    = 24,
  parameter int unsigned          Shift      = 8,
  parameter bit                   HalfEven   = 1'b0,
  parameter int unsigned          CodeBits   = 17,
  parameter int                   ZeroPoint  = 0,
  parameter int                   Lo         = -128,
  parameter int                   Hi         = 127,
  parameter int unsigned          OutBits    = 8,
  parameter int unsigned          OutDepth   = 16,
  parameter bit                   Bands      = 1'b0,
  parameter int unsigned          Pixels     = 1,
  parameter int unsigned          Rows       = 1,
  parameter int unsigned          Folds      = 1,
  parameter int unsigned          RowPhases  = 1,
  parameter bit                   Holes      = 1'b0,
  parameter int unsigned          OutRows    = 1,
  parameter int unsigned          OutColumns = 1,
  parameter logic [OutRows-1:0]   YMask      = '1,
  parameter logic [OutColumns-1:0] XMask     = '1,
  parameter int unsigned          Turns      = 1,
  parameter int unsigned          TurnBeats  = 1,
  parameter logic [32*Turns-1:0]  MoreShifts = '0,
  parameter logic [32*Turns-1:0]  ZeroPoints = {Turns{32'(ZeroPoint)}},
  parameter logic [32*Turns-1:0]  Los        = {Turns{32'(Lo)}},
  parameter logic [32*Turns-1:0]  His        = {Turns{32'(Hi)}},
  parameter int unsigned          Runs       = 0,
  parameter logic [32*(Runs+1)-1:0] RunStarts = '0,
  parameter                       File       = ""
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [Lanes*AccBits-1:0] s_acc_i,
  input  logic                     s_valid_i,
  output logic                     s_ready_o,
  input  logic                     out_freed_i,
  output logic                     valid_o,
  output logic [Lanes*OutBits-1:0] code_o
);
  localparam int unsigned PieceBits = MultBits + OffsetBits;
  localparam int unsigned ThrBits   = AccBits + 1;
  localparam int unsigned LaneBits  = (Pieces == 1) ? PieceBits : 2 * PieceBits + ThrBits;
  localparam int unsigned TurnWords = RowPhases * Folds * Groups;
  localparam int unsigned TurnBits  = (TurnWords > 1) ? $clog2(TurnWords) : 1;
  localparam int unsigned Words     = Turns * TurnWords;
  localparam int unsigned WordBits  = (Words > 1) ? $clog2(Words) : 1;
  localparam int unsigned RomWords  = (Runs > 0) ? Runs : Words;
  localparam int unsigned RomBits   = (RomWords > 1) ? $clog2(RomWords) : 1;
  localparam int unsigned FullBits  = AccBits + MultBits;
  localparam int unsigned ProdBits  = (FullBits < SumBits) ? FullBits : SumBits;
  localparam int unsigned TieBits   = (Shift < SumBits) ? Shift : SumBits;

  if (Pieces != 1 && Pieces != 2) begin : g_check_pieces
    $error("g2h_requant: Pieces must be 1 or 2");
  end
  if (HalfEven && Shift == 0) begin : g_check_ties
    $error("g2h_requant: HalfEven needs a Shift");
  end
  if (HalfEven && Turns > 1) begin : g_check_turns
    $error("g2h_requant: with Turns ties go up");
  end

  logic                      avail, take, credit, go, hole;
  logic                      pixel_last, band_last;
  logic [TurnBits-1:0]       turn_word;
  logic [WordBits-1:0]       word_addr;
  logic [5:0]                 more_shift;           // of the layer in the stage of the shift
  logic signed [CodeBits-1:0] zero_point, lo, hi;  // and in those of zero point and clamp
  logic [6:0]                valid_q;
  logic [RomBits-1:0]        rom_addr;
  logic [Lanes*LaneBits-1:0] word;

  g2h_credit #(
    .Depth(OutDepth)
  ) u_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (take),
    .give_i (out_freed_i),
    .avail_o(avail)
  );

  if (Bands) begin : g_bands
    logic first_q;  // the next beat is the first of its band

    assign credit = avail || !first_q;
    assign take   = go && first_q;

    always_ff @(posedge clk_i) begin
      if (!rst_ni) first_q <= 1'b1;
      else if (go) first_q <= band_last;
    end
  end else begin : g_beats
    logic unused_last;
    assign unused_last = band_last;
    assign credit      = avail;
    assign take        = go;
  end

  g2h_channels #(
    .Groups  (Groups),
    .Pixels  (Pixels),
    .Rows    (Rows),
    .Folds   (Folds),
    .Phases  (RowPhases),
    .WordBits(TurnBits)
  ) u_channels (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .step_i      (go),
    .word_o      (turn_word),
    .pixel_last_o(pixel_last),
    .band_last_o (band_last)
  );

  if (Turns > 1) begin : g_turns
    localparam int unsigned IndexBits = $clog2(Turns);
    logic [WordBits-1:0]       base_q;  // the first word of the layer
    logic [IndexBits-1:0]      turn_q;
    logic [6*IndexBits-1:0]    turns_q;  // that of each stage, the newest in the least bits
    logic [IndexBits-1:0]      shifts, clamps;
    logic                      turn_last, over;

    assign over       = turn_q == IndexBits'(Turns - 1);
    assign word_addr  = base_q + WordBits'(turn_word);
    assign shifts     = turns_q[4*IndexBits+:IndexBits];
    assign clamps     = turns_q[5*IndexBits+:IndexBits];
    assign more_shift = 6'(MoreShifts[32*shifts+:32]);
    assign zero_point = CodeBits'($signed(ZeroPoints[32*shifts+:32]));
    assign lo         = CodeBits'($signed(Los[32*clamps+:32]));
    assign hi         = CodeBits'($signed(His[32*clamps+:32]));

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        base_q <= '0;
        turn_q <= '0;
      end else if (go && turn_last) begin
        base_q <= over ? '0 : base_q + WordBits'(TurnWords);
        turn_q <= over ? '0 : turn_q + IndexBits'(1);
      end
    end

    always_ff @(posedge clk_i) turns_q <= {turns_q[5*IndexBits-1:0], turn_q};

    g2h_count #(
      .Count(TurnBeats)
    ) u_beats (
      .clk_i (clk_i),
      .rst_ni(rst_ni),
      .step_i(go),
      .last_o(turn_last)
    );
  end else begin : g_alone
    assign word_addr  = turn_word;
    assign more_shift = 6'(MoreShifts);
    assign zero_point = CodeBits'($signed(ZeroPoints));
    assign lo         = CodeBits'($signed(Los));
    assign hi         = CodeBits'($signed(His));
  end

  if (Runs > 0) begin : g_runs
    always_comb begin
      rom_addr = '0;
      for (int unsigned n = 1; n < Runs; n++) begin
        if (32'(word_addr) >= RunStarts[32*n+:32]) rom_addr = RomBits'(n);
      end
    end
  end else begin : g_words
    assign rom_addr = RomBits'(word_addr);
  end

  g2h_rom #(
    .Width   (Lanes * LaneBits),
    .Depth   (RomWords),
    .AddrBits(RomBits),
    .File    (File)
  ) u_rom (
    .clk_i (clk_i),
    .addr_i(rom_addr),
    .data_o(word)
  );

  assign s_ready_o = credit && !hole;
  assign valid_o   = valid_q[6];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[5:0], go};
  end

  if (Holes) begin : g_holes
    logic started;

    assign go = credit && (s_valid_i || (hole && started));

    g2h_hole #(
      .OutRows   (OutRows),
      .OutColumns(OutColumns),
      .YMask     (YMask),
      .XMask     (XMask)
    ) u_hole (
      .clk_i       (clk_i),
      .rst_ni      (rst_ni),
      .step_i      (go),
      .pixel_last_i(pixel_last),
      .hole_o      (hole),
      .started_o   (started)
    );
  end else begin : g_dense
    logic unused_last;
    assign unused_last = pixel_last;
    assign hole        = 1'b0;
    assign go          = credit && s_valid_i;
  end

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    logic signed [AccBits-1:0]    acc1_q, acc2_q, acc3_q;
    logic signed [MultBits-1:0]   mult_d, mult_q;
    logic signed [OffsetBits-1:0] offset_d, offset3_q, offset4_q;
    logic signed [ProdBits-1:0]   product, product_q;
    logic signed [SumBits-1:0]    sum_q;
    logic signed [CodeBits-1:0]   least, shifted, rounded, code_q;
    logic [OutBits-1:0]           clamped_q;
    logic [LaneBits-1:0]          lane;

    assign lane = word[l*LaneBits+:LaneBits];

    if (Pieces == 1) begin : g_one_piece
      assign mult_d   = lane[0+:MultBits];
      assign offset_d = lane[MultBits+:OffsetBits];
    end else begin : g_two_pieces
      logic signed [ThrBits-1:0] threshold;
      logic                      high;
      assign threshold = lane[2*PieceBits+:ThrBits];
      assign high      = ThrBits'(acc2_q) >= threshold;
      assign mult_d    = high ? lane[PieceBits+:MultBits] : lane[0+:MultBits];
      assign offset_d  = high ? lane[PieceBits+MultBits+:OffsetBits] : lane[MultBits+:OffsetBits];
    end

    if (MultBits <= 2) begin : g_add  // -2, -1, 0 or 1 times: an adder, where a multiplier would take a DSP block
      logic signed [1:0]          times;
      logic signed [FullBits-1:0] once, twice;
      assign times   = 2'(mult_q);
      assign once    = times[0] ? FullBits'(acc3_q) : '0;
      assign twice   = times[1] ? FullBits'(acc3_q) <<< 1 : '0;
      assign product = ProdBits'(once - twice);
    end else begin : g_multiply
      assign product = ProdBits'(FullBits'(acc3_q) * FullBits'(mult_q));
    end

    assign least   = CodeBits'(sum_q >>> Shift);
    assign shifted = least >>> more_shift;

    if (HalfEven) begin : g_half_even
      logic tie;
      assign tie     = ~|sum_q[TieBits-1:0];
      assign rounded = {shifted[CodeBits-1:1], shifted[0] && !tie};
    end else begin : g_half_up
      assign rounded = shifted;
    end

    always_ff @(posedge clk_i) begin
      acc1_q    <= hole ? '0 : s_acc_i[l*AccBits+:AccBits];
      acc2_q    <= acc1_q;
      acc3_q    <= acc2_q;
      mult_q    <= mult_d;
      offset3_q <= offset_d;
      product_q <= product;
      offset4_q <= offset3_q;
      sum_q     <= SumBits'(product_q) + SumBits'(offset4_q);
      code_q    <= rounded + zero_point;
      clamped_q <= (code_q < lo) ? OutBits'(lo) : (code_q > hi) ? OutBits'(hi) : OutBits'(code_q);
    end

    assign code_o[l*OutBits+:OutBits] = clamped_q;
  end
endmodule
