// g2h_mac: Pe x Simd multipliers, Pe adder trees and accumulators; one step a clock.
//
// Equation    acc[p] = sum over the steps from first_i to last_i of
//                      sum over s of (x[g * Simd + s] - ZeroPoint) * weight[p * Simd + s], g = p / (Pe / Groups)
//             The accumulators of one group of channels are neighbours, and so are the operands that they share.
//             A step with idle_i, first and last of its vector, makes acc = 0.
// Latency     the step with last_i in clock t gives valid_o in clock t + 3 + clog2(Simd): centre, multiply, tree,
//             accumulate.  Vectors of a single step follow each other every clock.
// Handshake   none: the sequencer owns a credit of the queue behind.
// Parameters  Groups divides Pe.  CentredBits holds x - ZeroPoint, AccBits every partial sum (signed, exact).
//             Multiply 0: weights are -1, 0 and +1 in 2 bits, and a lane negates or rests instead of multiplying,
//             without a DSP block.
// Simulation  executed_q counts steps, rested_q idle ones, when GAN2HLS_TRACE is defined.
module g2h_mac #(
  parameter int unsigned Pe          = 1,
  parameter int unsigned Simd        = 1,
  parameter int unsigned Groups      = 1,
  parameter int unsigned ElemBits    = 8,
  parameter bit          ElemSigned  = 1'b1,
  parameter int          ZeroPoint   = 0,
  parameter int unsigned CentredBits = 8,
  parameter int unsigned WeightBits  = 8,
  parameter int unsigned AccBits     = 16,
  parameter int unsigned Multiply    = 1
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  input  logic                            valid_i,
  input  logic                            first_i,
  input  logic                            last_i,
  input  logic                            idle_i,
  input  logic [Groups*Simd*ElemBits-1:0] x_i,
  input  logic [Pe*Simd*WeightBits-1:0]   weight_i,
  output logic                            valid_o,
  output logic [Pe*AccBits-1:0]           acc_o
);
  localparam int unsigned FullBits = (Multiply != 0) ? CentredBits + WeightBits : CentredBits + 1;
  localparam int unsigned ProdBits = (FullBits < AccBits) ? FullBits : AccBits;
  localparam int unsigned Delay    = 2 + $clog2(Simd);

  logic [Groups*Simd*CentredBits-1:0] centred;
  logic [Delay-1:0]                   valid_q, first_q, last_q, idle_q;
  logic                               acc_valid_q;

  if (Multiply == 0 && WeightBits != 2) begin : g_check_weight
    $error("g2h_mac: WeightBits must be 2 without multipliers");
  end
  if (Pe % Groups != 0) begin : g_check_groups
    $error("g2h_mac: Groups must divide Pe");
  end

  g2h_centre #(
    .Lanes    (Groups * Simd),
    .InBits   (ElemBits),
    .Signed   (ElemSigned),
    .ZeroPoint(ZeroPoint),
    .OutBits  (CentredBits)
  ) u_centre (
    .data_i(x_i),
    .data_o(centred)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q     <= '0;
      acc_valid_q <= 1'b0;
    end else begin
      valid_q     <= {valid_q[Delay-2:0], valid_i};
      acc_valid_q <= valid_q[Delay-1] && last_q[Delay-1];
    end
  end

  always_ff @(posedge clk_i) begin
    first_q <= {first_q[Delay-2:0], first_i};
    last_q  <= {last_q[Delay-2:0], last_i};
    idle_q  <= {idle_q[Delay-2:0], idle_i};
  end

  for (genvar p = 0; p < Pe; p++) begin : g_pe
    localparam int unsigned First = p / (Pe / Groups) * Simd;  // operand 0 of the accumulator's group
    logic [Simd*ProdBits-1:0] products;
    logic [AccBits-1:0]       sum;
    logic [AccBits-1:0]       acc_q;

    for (genvar s = 0; s < Simd; s++) begin : g_simd
      logic signed [CentredBits-1:0] x_q;
      logic signed [WeightBits-1:0]  w_q;
      logic signed [ProdBits-1:0]    product_q;

      always_ff @(posedge clk_i) begin
        x_q <= centred[(First+s)*CentredBits+:CentredBits];
        w_q <= weight_i[(p*Simd+s)*WeightBits+:WeightBits];
      end

      if (Multiply != 0) begin : g_multiply
        always_ff @(posedge clk_i) product_q <= ProdBits'(FullBits'(x_q) * FullBits'(w_q));
      end else begin : g_negate
        logic signed [FullBits-1:0] wide;
        assign wide = FullBits'(x_q);
        always_ff @(posedge clk_i) begin
          if (!w_q[0]) product_q <= '0;
          else product_q <= ProdBits'(w_q[1] ? -wide : wide);
        end
      end

      assign products[s*ProdBits+:ProdBits] = product_q;
    end

    if (Simd == 1) begin : g_single
      assign sum = AccBits'($signed(products));
    end else begin : g_tree
      g2h_adder_tree #(
        .N      (Simd),
        .InBits (ProdBits),
        .OutBits(AccBits)
      ) u_tree (
        .clk_i (clk_i),
        .data_i(products),
        .sum_o (sum)
      );
    end

    always_ff @(posedge clk_i) begin
      if (valid_q[Delay-1]) begin
        if (idle_q[Delay-1]) acc_q <= '0;
        else acc_q <= sum + (first_q[Delay-1] ? '0 : acc_q);
      end
    end

    assign acc_o[p*AccBits+:AccBits] = acc_q;
  end

  assign valid_o = acc_valid_q;

`ifdef GAN2HLS_TRACE
  logic [63:0] executed_q, rested_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      executed_q <= '0;
      rested_q   <= '0;
    end else begin
      executed_q <= executed_q + 64'(valid_q[Delay-1] && !idle_q[Delay-1]);
      rested_q   <= rested_q + 64'(valid_q[Delay-1] && idle_q[Delay-1]);
    end
  end
`endif
endmodule
