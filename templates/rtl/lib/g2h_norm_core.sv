// g2h_norm_core: normalization by statistics of the map itself, which is kept outside meanwhile.
//
// Equation    acc = (((u << Fraction) >>> k) * r + 2**16) >>> 17 with d = code - ZeroPoint, the sums S1 of d and S2 of
//             d * d over the Count codes of the set that a code belongs to, u = Count * d - S1, and r * 2**-(17 + k) the
//             reciprocal root of Count * S2 - S1 * S1 + Epsilon.  Without Centred there is no S1 in it.  Epsilon is that of
//             each of Turns layers in turn (g2h_norm_roots).
// Memory      statistics of Copies maps; g2h_norm_sums, g2h_norm_roots.  A map leaves through map while its sums are made,
//             and comes back through held; it is taken when they are complete.
// Order       a map is Pixels pixels of Slots * SlotBeats beats; every SlotBeats beats the next Sets sets take their
//             turn, of which each lane has its own, or all have one.
// Latency     the last beat of a map taken in clock t: its first one is taken back in clock t + 15 + clog2(lanes of a
//             set) at the earliest, with Steps above 0 when the root of the last slot is there: g2h_rsqrt_serial, the sums
//             of a slot are pushed in clock t + 3 + clog2(lanes of a set).  A beat that is taken back in clock t is
//             normalized from t + 1 on, if there is a credit, and is in the queue 8 clocks later.  One beat a clock: the
//             next map enters while this one leaves.
// Handshake   g2h_fork at the input, whose sums are always ready: maps that are under way fit the statistics' Copies,
//             since their beats fit what is outside.  Ready of the output reaches the registers of its queue alone.
// Parameters  Sets 1 or Lanes; Copies a power of two with Copies * beats of a map >= beats that may be outside + beats of a
//             pixel.
//             Steps 0: g2h_rsqrt; else the clocks of a root, at most Pixels * SlotBeats / 16.
module g2h_norm_core #(
  parameter int unsigned Lanes       = 1,
  parameter int unsigned Sets        = 1,
  parameter int unsigned Slots       = 1,
  parameter int unsigned SlotBeats   = 1,
  parameter int unsigned Pixels      = 2,
  parameter int unsigned Copies      = 2,
  parameter int unsigned Steps       = 0,
  parameter int unsigned SerialBits  = 10,
  parameter int unsigned InBits      = 8,
  parameter bit          Signed      = 1'b1,
  parameter int          ZeroPoint   = 0,
  parameter bit          Centred     = 1'b1,
  parameter int unsigned Count       = 2,
  parameter int unsigned CodeBits    = 9,
  parameter int unsigned SumBits     = 10,
  parameter int unsigned SquareBits  = 18,
  parameter int unsigned PowerBits   = 20,
  parameter int unsigned ShiftBits   = 4,
  parameter int unsigned CentreBits  = 11,
  parameter int unsigned Turns       = 1,
  parameter int unsigned TurnRoots   = 1,
  parameter logic [Turns*32-1:0] EpsilonHigh = (Turns*32)'(0),
  parameter logic [Turns*32-1:0] EpsilonLow  = (Turns*32)'(1),
  parameter int unsigned Fraction    = 20,
  parameter int unsigned AccBits     = 25,
  parameter              ChordFile   = ""
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [Lanes*InBits-1:0]  s_data_i,
  input  logic                     s_valid_i,
  output logic                     s_ready_o,
  output logic [Lanes*InBits-1:0]  map_data_o,
  output logic                     map_valid_o,
  input  logic                     map_ready_i,
  input  logic [Lanes*InBits-1:0]  held_data_i,
  input  logic                     held_valid_i,
  output logic                     held_ready_o,
  output logic [Lanes*AccBits-1:0] acc_o,
  output logic                     valid_o,
  input  logic                     ready_i
);
  localparam int unsigned RootBits    = 17;
  localparam int unsigned InSet       = Lanes / Sets;
  localparam int unsigned Levels      = (InSet > 1) ? $clog2(InSet) : 0;
  localparam int unsigned LaneClocks  = 8;
  localparam int unsigned OutDepth    = 16;
  localparam int unsigned Words       = Copies * Slots;
  localparam int unsigned WordBits    = (Words > 1) ? $clog2(Words) : 1;
  localparam int unsigned SlotBits    = (Slots > 1) ? $clog2(Slots) : 1;
  localparam int unsigned PendingBits = $clog2(Copies + 1);

  logic [1:0]              fork_valid, fork_ready;
  logic                    take, in_first, in_last, in_map_last;
  logic [SlotBits-1:0]     in_slot;
  logic [WordBits-1:0]     in_word;

  g2h_fork #(
    .Readers(2)
  ) u_fork (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_valid_i(s_valid_i),
    .s_ready_o(s_ready_o),
    .m_valid_o(fork_valid),
    .m_ready_i(fork_ready)
  );

  assign take          = fork_valid[1];
  assign fork_ready[1] = 1'b1;

  assign map_data_o    = s_data_i;
  assign map_valid_o   = fork_valid[0];
  assign fork_ready[0] = map_ready_i;

  // Statistics: sums, roots, and where they are kept.
  logic [Sets*SumBits-1:0]    sum;
  logic [Sets*SquareBits-1:0] square;
  logic [Sets*SumBits-1:0]    mean;
  logic [Sets*ShiftBits-1:0]  shift;
  logic [Sets*RootBits-1:0]   root;
  logic                       map_done;  // all statistics of a map are known
  logic                       first_unused;
  logic [WordBits-1:0]        beat_word_q;

  g2h_norm_walk #(
    .Slots    (Slots),
    .SlotBeats(SlotBeats),
    .Pixels   (Pixels),
    .Copies   (Copies)
  ) u_walk_in (
    .clk_i      (clk_i),
    .rst_ni     (rst_ni),
    .step_i     (take),
    .slot_o     (in_slot),
    .word_o     (in_word),
    .first_o    (in_first),
    .last_o     (in_last),
    .map_first_o(first_unused),
    .map_last_o (in_map_last)
  );

  g2h_norm_sums #(
    .Lanes     (Lanes),
    .Sets      (Sets),
    .Slots     (Slots),
    .InBits    (InBits),
    .Signed    (Signed),
    .ZeroPoint (ZeroPoint),
    .CodeBits  (CodeBits),
    .SumBits   (SumBits),
    .SquareBits(SquareBits)
  ) u_sums (
    .clk_i   (clk_i),
    .data_i  (s_data_i),
    .take_i  (take),
    .first_i (in_first),
    .slot_i  (in_slot),
    .sum_o   (sum),
    .square_o(square)
  );

  g2h_norm_roots #(
    .Sets       (Sets),
    .Slots      (Slots),
    .Words      (Words),
    .Clocks     (3 + Levels),
    .Steps      (Steps),
    .SerialBits (SerialBits),
    .Centred    (Centred),
    .Count      (Count),
    .SumBits    (SumBits),
    .SquareBits (SquareBits),
    .PowerBits  (PowerBits),
    .ShiftBits  (ShiftBits),
    .Turns      (Turns),
    .TurnRoots  (TurnRoots),
    .EpsilonHigh(EpsilonHigh),
    .EpsilonLow (EpsilonLow),
    .ChordFile  (ChordFile)
  ) u_roots (
    .clk_i      (clk_i),
    .rst_ni     (rst_ni),
    .last_i     (take && in_last),
    .map_last_i (take && in_map_last),
    .word_i     (in_word),
    .sum_i      (sum),
    .square_i   (square),
    .map_done_o (map_done),
    .read_word_i(beat_word_q),
    .sum_o      (mean),
    .shift_o    (shift),
    .root_o     (root)
  );

  // Maps whose statistics are complete and that have not started to leave.
  logic                   begins, map_first, out_first_unused, out_last_unused, map_last_out, go, open, beat_valid_q;
  logic [PendingBits-1:0] pending_q;
  logic [SlotBits-1:0]    slot_unused;
  logic [WordBits-1:0]    out_word;
  logic [Lanes*InBits-1:0] beat_q;
  logic                   leave, avail, acc_freed, unused;

  assign open       = !beat_valid_q || go;
  assign held_ready_o = open && (!map_first || pending_q != '0);
  assign leave      = held_valid_i && held_ready_o;
  assign begins     = leave && map_first;
  assign go         = beat_valid_q && avail;
  assign unused     = &{1'b0, first_unused, out_first_unused, out_last_unused, map_last_out, slot_unused};

  g2h_norm_walk #(
    .Slots    (Slots),
    .SlotBeats(SlotBeats),
    .Pixels   (Pixels),
    .Copies   (Copies)
  ) u_walk_out (
    .clk_i      (clk_i),
    .rst_ni     (rst_ni),
    .step_i     (leave),
    .slot_o     (slot_unused),
    .word_o     (out_word),
    .first_o    (out_first_unused),
    .last_o     (out_last_unused),
    .map_first_o(map_first),
    .map_last_o (map_last_out)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pending_q    <= '0;
      beat_valid_q <= 1'b0;
    end else begin
      pending_q <= pending_q + PendingBits'(map_done) - PendingBits'(begins);
      if (open) beat_valid_q <= leave;
    end
  end

  always_ff @(posedge clk_i) begin
    if (leave) begin
      beat_q      <= held_data_i;
      beat_word_q <= out_word;
    end
  end

  // Lanes.
  logic [LaneClocks-1:0]    valid_q;
  logic [Lanes*AccBits-1:0] acc;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[LaneClocks-2:0], go};
  end

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    localparam int unsigned Set = (Sets == 1) ? 0 : l;

    g2h_norm_lane #(
      .InBits    (InBits),
      .Signed    (Signed),
      .ZeroPoint (ZeroPoint),
      .Centred   (Centred),
      .Count     (Count),
      .CodeBits  (CodeBits),
      .SumBits   (SumBits),
      .ShiftBits (ShiftBits),
      .CentreBits(CentreBits),
      .Fraction  (Fraction),
      .AccBits   (AccBits)
    ) u_lane (
      .clk_i  (clk_i),
      .code_i (beat_q[l*InBits+:InBits]),
      .sum_i  (mean[Set*SumBits+:SumBits]),
      .shift_i(shift[Set*ShiftBits+:ShiftBits]),
      .root_i (root[Set*RootBits+:RootBits]),
      .acc_o  (acc[l*AccBits+:AccBits])
    );
  end

  g2h_credit #(
    .Depth(OutDepth)
  ) u_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (go),
    .give_i (acc_freed),
    .avail_o(avail)
  );

  g2h_fifo #(
    .Width(Lanes * AccBits),
    .Ratio(1),
    .Depth(OutDepth)
  ) u_out (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (valid_q[LaneClocks-1]),
    .data_i (acc),
    .freed_o(acc_freed),
    .data_o (acc_o),
    .valid_o(valid_o),
    .ready_i(ready_i)
  );

`ifdef GAN2HLS_TRACE
  logic [PendingBits-1:0] kept_q;  // maps whose statistics are complete and that have not left

  always_ff @(posedge clk_i) begin
    if (!rst_ni) kept_q <= '0;
    else kept_q <= kept_q + PendingBits'(map_done) - PendingBits'(leave && map_last_out);
    if (rst_ni && u_roots.done && kept_q == PendingBits'(Copies)) $error("%m: statistics are overwritten");
  end
`endif
endmodule
