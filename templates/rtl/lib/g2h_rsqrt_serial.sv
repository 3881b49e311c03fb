// g2h_rsqrt_serial: what g2h_rsqrt computes, a bit a clock: no DSP block, for roots that are rare.
//
// Equation    as g2h_rsqrt: y = Count * square - sum * sum + epsilon_i from the highest bits of Count and sum on,
//             y <- 2 * y + (bit of Count) * square - (bit of sum) * sum, the bit of the sign of sum subtracted;
//             y moves up two bits at a time until its highest pair is not 0; the product of the chord bit by bit.
// Memory      Words sums wait in a g2h_fifo, distributed RAM; 384 chords for each set.
// Latency     sums pushed in clock t are taken in clock t + 2 at the earliest, and sums that wait every Steps clocks;
//             those taken in clock t have their root in clock t + Steps + 1, with done_o.
// Parameters  Steps as g2h_norm says; Words a power of two >= 2, never more sums wait.
module g2h_rsqrt_serial #(
  parameter int unsigned Sets        = 1,
  parameter int unsigned Words       = 2,
  parameter int unsigned Steps       = 34,
  parameter int unsigned SerialBits  = 10,
  parameter bit          Centred     = 1'b1,
  parameter int unsigned Count       = 2,
  parameter int unsigned SumBits     = 10,
  parameter int unsigned SquareBits  = 18,
  parameter int unsigned PowerBits   = 20,
  parameter int unsigned ShiftBits   = 4,
  parameter              ChordFile   = ""
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  input  logic                       push_i,
  input  logic [PowerBits-1:0]       epsilon_i,
  input  logic [Sets*SumBits-1:0]    sum_i,
  input  logic [Sets*SquareBits-1:0] square_i,
  output logic                       done_o,
  output logic [Sets*SumBits-1:0]    sum_o,
  output logic [Sets*ShiftBits-1:0]  shift_o,
  output logic [Sets*17-1:0]         root_o
);
  localparam int unsigned Pairs     = PowerBits / 2;
  localparam int unsigned AlongBits = 10;
  localparam int unsigned DropBits  = 13;
  localparam int unsigned StartBits = 20;
  localparam int unsigned Chords    = 384;
  localparam int unsigned RootBits  = StartBits + AlongBits + 1;
  localparam int unsigned StepBits  = $clog2(Steps);
  // Steps: 0 takes, then SerialBits of the products, epsilon, the shifts, 2 clocks of the ROM, the chord, its start.
  localparam int unsigned EpsilonAt = SerialBits + 1;
  localparam int unsigned ShiftTo   = EpsilonAt + Pairs - 1;
  localparam int unsigned AlongFrom = ShiftTo + 3;
  localparam int unsigned StartAt   = AlongFrom + AlongBits;
  localparam logic [SerialBits-1:0] Factor = SerialBits'(Count);

  if (Steps != StartAt + 1) begin : g_check_steps
    $error("g2h_rsqrt_serial: Steps must be SerialBits + PowerBits / 2 + 14");
  end

  logic [Sets*(SumBits+SquareBits)-1:0] waiting;
  logic                                 valid, take, freed_unused, unused;
  logic [StepBits-1:0]                  step_q;
  logic                                 first, multiplies, shifts, begins, falls, ends, done_q, done_q2;
  logic [SerialBits-1:0]                factor_q;

  g2h_fifo #(
    .Width(Sets * (SumBits + SquareBits)),
    .Ratio(1),
    .Depth(Words)
  ) u_waiting (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (push_i),
    .data_i ({square_i, sum_i}),
    .freed_o(freed_unused),
    .data_o (waiting),
    .valid_o(valid),
    .ready_i(take)
  );

  assign unused     = &{1'b0, freed_unused};
  assign take       = valid && step_q == '0;
  assign first      = step_q == StepBits'(1);
  assign multiplies = step_q <= StepBits'(SerialBits);
  assign shifts     = step_q > StepBits'(EpsilonAt) && step_q <= StepBits'(ShiftTo);
  assign begins     = step_q == StepBits'(ShiftTo + 1);
  assign falls      = step_q >= StepBits'(AlongFrom) && step_q < StepBits'(StartAt);
  assign ends       = step_q == StepBits'(StartAt);
  assign done_o     = done_q2;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      step_q  <= '0;
      done_q  <= 1'b0;
      done_q2 <= 1'b0;
    end else begin
      if (take || step_q != '0) step_q <= ends ? '0 : step_q + StepBits'(1);
      done_q  <= ends;
      done_q2 <= done_q;
    end
  end

  always_ff @(posedge clk_i) factor_q <= take ? Factor : factor_q << 1;

  for (genvar s = 0; s < Sets; s++) begin : g_set
    logic signed [SumBits-1:0]     sum_q;
    logic [SquareBits-1:0]         square_q;
    logic [PowerBits-1:0]          y_q, more, less;
    logic [SerialBits-1:0]         bits_q;
    logic [ShiftBits-1:0]          k_q;
    logic [StartBits+DropBits-1:0] chord;
    logic [AlongBits-1:0]          along_q;
    logic signed [RootBits-1:0]    line_q;
    logic [16:0]                   root_q;
    logic [SumBits-1:0]            known_sum_q;
    logic [ShiftBits-1:0]          known_k_q;

    assign more = factor_q[SerialBits-1] ? PowerBits'(square_q) : '0;
    assign less = (Centred && bits_q[SerialBits-1]) ? PowerBits'(sum_q) : '0;

    always_ff @(posedge clk_i) begin
      if (take) begin
        sum_q    <= waiting[s*SumBits+:SumBits];
        square_q <= waiting[Sets*SumBits+s*SquareBits+:SquareBits];
        bits_q   <= SerialBits'($signed(waiting[s*SumBits+:SumBits]));
        y_q      <= '0;
        k_q      <= ShiftBits'(Pairs - 1);
      end else begin
        bits_q <= bits_q << 1;
        if (multiplies) begin
          y_q <= (y_q << 1) + more + (first ? less : -less);
        end else if (step_q == StepBits'(EpsilonAt)) begin
          y_q <= y_q + epsilon_i;
        end else if (shifts && y_q[PowerBits-1-:2] == 2'b00) begin
          y_q <= y_q << 2;
          k_q <= k_q - ShiftBits'(1);
        end
      end
    end

    g2h_rom #(
      .Width   (StartBits + DropBits),
      .Depth   (Chords),
      .AddrBits(9),
      .File    (ChordFile)
    ) u_chords (
      .clk_i (clk_i),
      .addr_i(y_q[PowerBits-1-:9] - 9'd128),
      .data_o(chord)
    );

    always_ff @(posedge clk_i) begin
      along_q <= begins ? y_q[PowerBits-10-:AlongBits] : falls ? along_q << 1 : along_q;
      if (begins) line_q <= '0;
      else if (falls) line_q <= (line_q <<< 1) - (along_q[AlongBits-1] ? RootBits'(chord[DropBits-1:0]) : '0);
      else if (ends) line_q <= line_q + {1'b0, chord[StartBits+DropBits-1:DropBits], AlongBits'(0)};
      known_sum_q <= sum_q;
      known_k_q   <= k_q;
      root_q      <= 17'(line_q >>> 13);
    end

    assign sum_o[s*SumBits+:SumBits]       = known_sum_q;
    assign shift_o[s*ShiftBits+:ShiftBits] = known_k_q;
    assign root_o[s*17+:17]                = root_q;
  end
endmodule
