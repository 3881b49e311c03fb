// g2h_norm_sums: sums of the codes of a set, and of their squares.
//
// Equation    sum_o = sum of d, square_o = sum of d * d since first_i of the slot, d = code - ZeroPoint, of the lanes of
//             each set: one lane each with Sets = Lanes, all of them with Sets = 1.
// Memory      Slots sums of SumBits and SquareBits bits for each set, distributed RAM, read and written in one clock.
// Latency     a beat taken in clock t is in the sums that stand at the outputs in clock t + 3 + clog2(lanes of a set).
module g2h_norm_sums #(
  parameter int unsigned Lanes      = 1,
  parameter int unsigned Sets       = 1,
  parameter int unsigned Slots      = 1,
  parameter int unsigned InBits     = 8,
  parameter bit          Signed     = 1'b1,
  parameter int          ZeroPoint  = 0,
  parameter int unsigned CodeBits   = 9,
  parameter int unsigned SumBits    = 10,
  parameter int unsigned SquareBits = 18,
  localparam int unsigned SlotBits  = (Slots > 1) ? $clog2(Slots) : 1
) (
  input  logic                       clk_i,
  input  logic [Lanes*InBits-1:0]    data_i,
  input  logic                       take_i,
  input  logic                       first_i,
  input  logic [SlotBits-1:0]        slot_i,
  output logic [Sets*SumBits-1:0]    sum_o,
  output logic [Sets*SquareBits-1:0] square_o
);
  localparam int unsigned InSet  = Lanes / Sets;
  localparam int unsigned Levels = (InSet > 1) ? $clog2(InSet) : 0;
  localparam int unsigned Clocks = 2 + Levels;  // from the beat to its sum over the lanes of a set

  logic [Lanes*CodeBits-1:0]         centred, code_q, code_q2;
  logic [Lanes*2*CodeBits-1:0]       power;
  logic [Clocks-1:0]                 take_q, first_q;
  logic [Clocks-1:0][SlotBits-1:0]   slot_q;

  g2h_centre #(
    .Lanes    (Lanes),
    .InBits   (InBits),
    .Signed   (Signed),
    .ZeroPoint(ZeroPoint),
    .OutBits  (CodeBits)
  ) u_centre (
    .data_i(data_i),
    .data_o(centred)
  );

  always_ff @(posedge clk_i) begin
    code_q  <= centred;
    code_q2 <= code_q;
    take_q  <= {take_q[Clocks-2:0], take_i};
    first_q <= {first_q[Clocks-2:0], first_i};
    slot_q  <= {slot_q[Clocks-2:0], slot_i};
  end

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    g2h_square #(
      .InBits   (InBits),
      .Signed   (Signed),
      .ZeroPoint(ZeroPoint),
      .CodeBits (CodeBits)
    ) u_square (
      .clk_i   (clk_i),
      .code_i  (data_i[l*InBits+:InBits]),
      .square_o(power[l*2*CodeBits+:2*CodeBits])
    );
  end

  for (genvar s = 0; s < Sets; s++) begin : g_set
    logic signed [SumBits-1:0] more, sum, sum_q;
    logic [SquareBits-1:0]     more_power, square, square_q;

    if (InSet == 1) begin : g_alone
      logic signed [CodeBits-1:0] one;
      assign one        = code_q2[s*CodeBits+:CodeBits];
      assign more       = SumBits'(one);
      assign more_power = SquareBits'(power[s*2*CodeBits+:2*CodeBits]);
    end else begin : g_together
      logic [SquareBits:0] tree;  // terms have a sign

      g2h_adder_tree #(
        .N      (InSet),
        .InBits (CodeBits),
        .OutBits(SumBits)
      ) u_sum (
        .clk_i (clk_i),
        .data_i(code_q2[s*InSet*CodeBits+:InSet*CodeBits]),
        .sum_o (more)
      );

      g2h_adder_tree #(
        .N      (InSet),
        .InBits (2 * CodeBits),
        .OutBits(SquareBits + 1)
      ) u_square (
        .clk_i (clk_i),
        .data_i(power[s*InSet*2*CodeBits+:InSet*2*CodeBits]),
        .sum_o (tree)
      );

      logic unused_sign;
      assign unused_sign = tree[SquareBits];
      assign more_power  = tree[SquareBits-1:0];
    end

    if (Slots == 1) begin : g_register
      logic unused_slot;
      assign unused_slot = slot_q[Clocks-1];
      assign sum         = first_q[Clocks-1] ? more : sum_q + more;
      assign square      = first_q[Clocks-1] ? more_power : square_q + more_power;
    end else begin : g_memory
      (* ram_style = "distributed" *)
      logic [SumBits+SquareBits-1:0] mem [0:Slots-1];
      logic signed [SumBits-1:0]     old;
      logic [SquareBits-1:0]         old_power;

      assign {old, old_power} = mem[slot_q[Clocks-1]];
      assign sum                    = first_q[Clocks-1] ? more : old + more;
      assign square                 = first_q[Clocks-1] ? more_power : old_power + more_power;

      always_ff @(posedge clk_i) begin
        if (take_q[Clocks-1]) mem[slot_q[Clocks-1]] <= {sum, square};
      end
    end

    always_ff @(posedge clk_i) begin
      if (take_q[Clocks-1]) begin
        sum_q    <= sum;
        square_q <= square;
      end
    end

    assign sum_o[s*SumBits+:SumBits]          = sum_q;
    assign square_o[s*SquareBits+:SquareBits] = square_q;
  end
endmodule
