// g2h_norm_lane: one normalized value a clock.
//
// Equation    u = Count * (code_i - ZeroPoint) - sum_i (without Centred: no sum);
//             acc_o = (((u << Fraction) >>> shift_i) * root_i + 2**16) >>> 17, the first shift within 25 bits.
// Latency     code_i in clock t, the statistics of its set in clock t + 2: acc_o in clock t + 8.  A DSP block multiplies
//             by root_i.
// Parameters  CentreBits holds u.
module g2h_norm_lane #(
  parameter int unsigned InBits     = 8,
  parameter bit          Signed     = 1'b1,
  parameter int          ZeroPoint  = 0,
  parameter bit          Centred    = 1'b1,
  parameter int unsigned Count      = 2,
  parameter int unsigned CodeBits   = 9,
  parameter int unsigned SumBits    = 10,
  parameter int unsigned ShiftBits  = 4,
  parameter int unsigned CentreBits = 11,
  parameter int unsigned Fraction   = 20,
  parameter int unsigned AccBits    = 25
) (
  input  logic                 clk_i,
  input  logic [InBits-1:0]    code_i,
  input  logic [SumBits-1:0]   sum_i,
  input  logic [ShiftBits-1:0] shift_i,
  input  logic [16:0]          root_i,
  output logic [AccBits-1:0]   acc_o
);
  localparam int unsigned ValueBits   = 25;
  localparam int unsigned CoarseBits  = ValueBits + 7;
  localparam int unsigned AllBits     = CentreBits + Fraction;
  localparam int unsigned WideBits    = (AllBits > CoarseBits) ? AllBits : CoarseBits;
  localparam int unsigned ProductBits = ValueBits + 18;

  logic [CodeBits-1:0]           centred;
  logic signed [CodeBits-1:0]    code_q;
  logic [CentreBits-1:0]         times;
  logic signed [CentreBits-1:0]  times_q, u_q;
  logic signed [WideBits-1:0]    wide;
  logic signed [CoarseBits-1:0]  coarse_q;
  logic signed [ValueBits-1:0]   value_q;
  logic [ShiftBits-1:0]          shift_q;
  logic [2:0]                    fine_q;
  logic [2:0][16:0]              root_q;
  logic signed [17:0]            root;
  logic signed [ProductBits-1:0] product_q, product_q2;
  logic [AccBits-1:0]            acc_q;

  g2h_centre #(
    .Lanes    (1),
    .InBits   (InBits),
    .Signed   (Signed),
    .ZeroPoint(ZeroPoint),
    .OutBits  (CodeBits)
  ) u_centre (
    .data_i(code_i),
    .data_o(centred)
  );

  g2h_times #(
    .Factor (Count),
    .InBits (CodeBits),
    .OutBits(CentreBits)
  ) u_times (
    .number_i (code_q),
    .product_o(times)
  );

  always_ff @(posedge clk_i) begin
    code_q  <= centred;
    times_q <= times;
  end

  if (Centred) begin : g_centred
    logic signed [SumBits-1:0] sum;
    assign sum = sum_i;
    always_ff @(posedge clk_i) u_q <= times_q - CentreBits'(sum);
  end else begin : g_plain
    logic unused_sum;
    assign unused_sum = &{1'b0, sum_i};
    always_ff @(posedge clk_i) u_q <= times_q;
  end

  assign wide = WideBits'(u_q) <<< Fraction;
  assign root = {1'b0, root_q[2]};

  always_ff @(posedge clk_i) begin
    shift_q    <= shift_i;
    fine_q     <= shift_q[2:0];
    root_q     <= {root_q[1:0], root_i};
    coarse_q   <= CoarseBits'(wide >>> {(shift_q >> 3), 3'b0});
    value_q    <= ValueBits'(coarse_q >>> fine_q);
    product_q  <= ProductBits'(value_q) * ProductBits'(root);
    product_q2 <= product_q;
    acc_q      <= AccBits'((product_q2 + ProductBits'(1 << 16)) >>> 17);
  end

  assign acc_o = acc_q;
endmodule
