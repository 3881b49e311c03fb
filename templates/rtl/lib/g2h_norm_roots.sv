// g2h_norm_roots: what divides the values of a set, and its sum, from the sums of a map to where beats read them.
//
// Equation    root and shift of g2h_rsqrt, or with Steps above 0 of g2h_rsqrt_serial, which gives the same.  Epsilon is
//             EpsilonHigh * 2**31 + EpsilonLow: of Turns layers that take turns, TurnRoots roots each, 32 bits of either
//             for each of them, the first in the least.
// Memory      Words statistics for each set.
// Latency     the last beat of a slot taken in clock t, with last_i: sum_i and square_i are valid in clock t + Clocks, its
//             statistic is written in clock t + Clocks + 11, or when the serial root is done, with map_done_o that of the
//             last slot of a map.  read_word_i in clock t: the statistic in clock t + 2.
// Parameters  Words: Slots * maps; Steps 0, or the clocks of a serial root.
module g2h_norm_roots #(
  parameter int unsigned Sets        = 1,
  parameter int unsigned Slots       = 1,
  parameter int unsigned Words       = 2,
  parameter int unsigned Clocks      = 3,
  parameter int unsigned Steps       = 0,
  parameter int unsigned SerialBits  = 10,
  parameter bit          Centred     = 1'b1,
  parameter int unsigned Count       = 2,
  parameter int unsigned SumBits     = 10,
  parameter int unsigned SquareBits  = 18,
  parameter int unsigned PowerBits   = 20,
  parameter int unsigned ShiftBits   = 4,
  parameter int unsigned Turns       = 1,
  parameter int unsigned TurnRoots   = 1,
  parameter logic [Turns*32-1:0] EpsilonHigh = (Turns*32)'(0),
  parameter logic [Turns*32-1:0] EpsilonLow  = (Turns*32)'(1),
  parameter              ChordFile   = "",
  localparam int unsigned WordBits   = (Words > 1) ? $clog2(Words) : 1
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  input  logic                       last_i,
  input  logic                       map_last_i,
  input  logic [WordBits-1:0]        word_i,
  input  logic [Sets*SumBits-1:0]    sum_i,
  input  logic [Sets*SquareBits-1:0] square_i,
  output logic                       map_done_o,
  input  logic [WordBits-1:0]        read_word_i,
  output logic [Sets*SumBits-1:0]    sum_o,
  output logic [Sets*ShiftBits-1:0]  shift_o,
  output logic [Sets*17-1:0]         root_o
);
  localparam int unsigned RootBits = 17;
  localparam int unsigned SlotBits = (Slots > 1) ? $clog2(Slots) : 1;
  localparam int unsigned StatBits = SumBits + ShiftBits + RootBits;

  logic [Sets*SumBits-1:0]   known_sum;
  logic [Sets*ShiftBits-1:0] known_shift;
  logic [Sets*RootBits-1:0]  known_root;
  logic                      done;
  logic [WordBits-1:0]       stat_word;
  logic                      counts;  // a root, a clock before epsilon is added to it at the earliest
  logic [PowerBits-1:0]      epsilon;

  if (Turns == 1) begin : g_alone
    logic unused_counts;

    assign unused_counts = &{1'b0, counts};
    assign epsilon       = PowerBits'((63'(EpsilonHigh) << 31) + 63'(EpsilonLow));
  end else begin : g_turns
    localparam int unsigned TurnBits = $clog2(Turns);

    logic [TurnBits-1:0]  turn_q;
    logic [PowerBits-1:0] epsilon_q;
    logic                 turn_last;

    g2h_count #(
      .Count(TurnRoots)
    ) u_roots (
      .clk_i (clk_i),
      .rst_ni(rst_ni),
      .step_i(counts),
      .last_o(turn_last)
    );

    always_ff @(posedge clk_i) begin
      if (!rst_ni) turn_q <= '0;
      else if (counts && turn_last) turn_q <= (turn_q == TurnBits'(Turns - 1)) ? '0 : turn_q + TurnBits'(1);
    end

    always_ff @(posedge clk_i) begin
      for (int unsigned n = 0; n < Turns; n++) begin
        if (turn_q == TurnBits'(n)) begin
          epsilon_q <= PowerBits'((63'(EpsilonHigh[32*n+:32]) << 31) + 63'(EpsilonLow[32*n+:32]));
        end
      end
    end

    assign epsilon = epsilon_q;
  end

  if (Steps == 0) begin : g_pipelined
    localparam int unsigned RootClocks = Clocks + 11;

    logic [RootClocks-1:0]          last_q, map_last_q;
    logic [RootClocks*WordBits-1:0] word_q;

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        last_q     <= '0;
        map_last_q <= '0;
      end else begin
        last_q     <= {last_q[RootClocks-2:0], last_i};
        map_last_q <= {map_last_q[RootClocks-2:0], map_last_i};
      end
    end

    always_ff @(posedge clk_i) word_q <= {word_q[(RootClocks-1)*WordBits-1:0], word_i};

    assign counts     = last_q[Clocks];
    assign done       = last_q[RootClocks-1];
    assign map_done_o = map_last_q[RootClocks-1];
    assign stat_word  = word_q[(RootClocks-1)*WordBits+:WordBits];

    for (genvar s = 0; s < Sets; s++) begin : g_set
      g2h_rsqrt #(
        .Centred    (Centred),
        .Count      (Count),
        .SumBits    (SumBits),
        .SquareBits (SquareBits),
        .PowerBits  (PowerBits),
        .ShiftBits  (ShiftBits),
        .ChordFile  (ChordFile)
      ) u_rsqrt (
        .clk_i    (clk_i),
        .epsilon_i(epsilon),
        .sum_i    (sum_i[s*SumBits+:SumBits]),
        .square_i (square_i[s*SquareBits+:SquareBits]),
        .sum_o    (known_sum[s*SumBits+:SumBits]),
        .shift_o  (known_shift[s*ShiftBits+:ShiftBits]),
        .root_o   (known_root[s*RootBits+:RootBits])
      );
    end
  end else begin : g_serial
    localparam int unsigned Waiting = (Slots > 1) ? 1 << $clog2(Slots) : 2;

    logic [Clocks-1:0]   last_q;
    logic [WordBits-1:0] next_q;
    logic [SlotBits-1:0] slot_q;
    logic                slot_last, unused;

    assign counts     = done;
    assign slot_last  = slot_q == SlotBits'(Slots - 1);
    assign stat_word  = next_q;
    assign map_done_o = done && slot_last;
    assign unused     = &{1'b0, word_i, map_last_i};

    // Roots come in the order of the slots, map upon map.
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        last_q <= '0;
        next_q <= '0;
        slot_q <= '0;
      end else begin
        last_q <= {last_q[Clocks-2:0], last_i};
        if (done) begin
          next_q <= (next_q == WordBits'(Words - 1)) ? '0 : next_q + WordBits'(1);
          slot_q <= slot_last ? '0 : slot_q + SlotBits'(1);
        end
      end
    end

    g2h_rsqrt_serial #(
      .Sets       (Sets),
      .Words      (Waiting),
      .Steps      (Steps),
      .SerialBits (SerialBits),
      .Centred    (Centred),
      .Count      (Count),
      .SumBits    (SumBits),
      .SquareBits (SquareBits),
      .PowerBits  (PowerBits),
      .ShiftBits  (ShiftBits),
      .ChordFile  (ChordFile)
    ) u_rsqrt (
      .clk_i    (clk_i),
      .rst_ni   (rst_ni),
      .push_i   (last_q[Clocks-1]),
      .epsilon_i(epsilon),
      .sum_i    (sum_i),
      .square_i (square_i),
      .done_o   (done),
      .sum_o    (known_sum),
      .shift_o  (known_shift),
      .root_o   (known_root)
    );
  end

  for (genvar s = 0; s < Sets; s++) begin : g_stats
    logic [StatBits-1:0] stat;

    g2h_line_buffer #(
      .Width   (StatBits),
      .Depth   (Words),
      .AddrBits(WordBits)
    ) u_stats (
      .clk_i       (clk_i),
      .write_i     (done),
      .write_addr_i(stat_word),
      .write_data_i({known_root[s*RootBits+:RootBits], known_shift[s*ShiftBits+:ShiftBits], known_sum[s*SumBits+:SumBits]}),
      .read_addr_i (read_word_i),
      .read_data_o (stat)
    );

    assign {root_o[s*RootBits+:RootBits], shift_o[s*ShiftBits+:ShiftBits], sum_o[s*SumBits+:SumBits]} = stat;
  end
endmodule
