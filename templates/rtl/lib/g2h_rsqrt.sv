// g2h_rsqrt: the reciprocal root of a variance, by chords.
//
// Equation    y = Count * square_i - sum_i * sum_i + epsilon_i, without the product of sums where Centred is 0;
//             y = m * 4**k * 2**-17 with 2**17 <= m < 2**19, m cut;
//             root_o = (start * 2**10 - drop * (m modulo 2**10)) >> 13 with the chord m / 2**10 - 128; shift_o = k.
//             So root_o * 2**-(17 + k) is 1 / sqrt(y), within 2**-16 of it.
// Memory      384 chords of 33 bits: drop in the 13 least bits, start above.
// Latency     11 clocks, a set each clock; sum_o is sum_i, as late; epsilon_i is added two clocks after sum_i is there.
// Parameters  PowerBits even, at least 20, holds Count * square_i + epsilon_i.
module g2h_rsqrt #(
  parameter bit          Centred     = 1'b1,
  parameter int unsigned Count       = 2,
  parameter int unsigned SumBits     = 10,
  parameter int unsigned SquareBits  = 18,
  parameter int unsigned PowerBits   = 20,
  parameter int unsigned ShiftBits   = 4,
  parameter              ChordFile   = ""
) (
  input  logic                  clk_i,
  input  logic [PowerBits-1:0]  epsilon_i,
  input  logic [SumBits-1:0]    sum_i,
  input  logic [SquareBits-1:0] square_i,
  output logic [SumBits-1:0]    sum_o,
  output logic [ShiftBits-1:0]  shift_o,
  output logic [16:0]           root_o
);
  localparam int unsigned Clocks        = 11;
  localparam int unsigned Pairs         = PowerBits / 2;
  localparam int unsigned MantissaBits  = 19;
  localparam int unsigned AlongBits     = 10;
  localparam int unsigned DropBits      = 13;
  localparam int unsigned StartBits     = 20;
  localparam int unsigned Chords        = 384;
  localparam int unsigned FirstShift    = 5;  // clock in which k is known

  // Sums, from clock to clock.
  logic [Clocks-1:0][SumBits-1:0] sum_q;

  always_ff @(posedge clk_i) sum_q <= {sum_q[Clocks-2:0], sum_i};

  assign sum_o = sum_q[Clocks-1];

  // y
  logic [2:0][PowerBits-1:0] power_q;
  logic [PowerBits-1:0]      times, mean_power, y_q;

  g2h_times #(
    .Factor (Count),
    .InBits (SquareBits),
    .Signed (1'b0),
    .OutBits(PowerBits)
  ) u_times (
    .number_i (square_i),
    .product_o(times)
  );

  always_ff @(posedge clk_i) begin
    power_q[0] <= times;
    power_q[1] <= power_q[0];
    power_q[2] <= power_q[1] + epsilon_i;
    y_q        <= power_q[2] - mean_power;
  end

  if (Centred) begin : g_centred
    logic signed [SumBits-1:0] sum;
    logic [PowerBits-1:0]      product_q, product_q2, product_q3;  // no more than Count * square_i

    assign sum = sum_i;

    always_ff @(posedge clk_i) begin
      product_q  <= PowerBits'((2*SumBits)'(sum) * (2*SumBits)'(sum));
      product_q2 <= product_q;
      product_q3 <= product_q2;
    end

    assign mean_power = product_q3;
  end else begin : g_plain
    assign mean_power = '0;
  end

  // k: the highest pair of bits that is not 0.
  logic [ShiftBits-1:0]                      k, up_q, up_q2;
  logic [Clocks-1:FirstShift-1][ShiftBits-1:0] k_q;
  logic [PowerBits-1:0]                      y_q2, high_q;
  logic [MantissaBits-1:0]                   m_q;

  always_comb begin
    k = '0;
    for (int unsigned n = 0; n < Pairs; n++) begin
      if (y_q[2*n+:2] != '0) k = ShiftBits'(n);
    end
  end

  always_ff @(posedge clk_i) begin
    k_q    <= {k_q[Clocks-2:FirstShift-1], k};
    up_q   <= ShiftBits'(Pairs - 1) - k;
    up_q2  <= up_q;
    y_q2   <= y_q;
    high_q <= y_q2 << {(up_q >> 2), 3'b0};
    m_q    <= MantissaBits'((high_q << {(up_q2 & ShiftBits'(3)), 1'b0}) >> (PowerBits - MantissaBits));
  end

  assign shift_o = k_q[Clocks-1];

  // The chord.
  logic [StartBits+DropBits-1:0]    chord;
  logic [1:0][AlongBits-1:0]        along_q;
  logic [DropBits+AlongBits-1:0]    fall_q;
  logic [StartBits-1:0]             start_q;
  logic [16:0]                      root_q;

  g2h_rom #(
    .Width   (StartBits + DropBits),
    .Depth   (Chords),
    .AddrBits(9),
    .File    (ChordFile)
  ) u_chords (
    .clk_i (clk_i),
    .addr_i(m_q[MantissaBits-1:AlongBits] - 9'd128),
    .data_o(chord)
  );

  always_ff @(posedge clk_i) begin
    along_q <= {along_q[0], m_q[AlongBits-1:0]};
    fall_q  <= (DropBits + AlongBits)'(chord[DropBits-1:0]) * (DropBits + AlongBits)'(along_q[1]);
    start_q <= chord[StartBits+DropBits-1:DropBits];
    root_q  <= 17'(({start_q, AlongBits'(0)} - (StartBits + AlongBits)'(fall_q)) >> 13);
  end

  assign root_o = root_q;
endmodule
