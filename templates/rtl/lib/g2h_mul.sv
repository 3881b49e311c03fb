// g2h_mul: the product of two streams.
//
// Equation    lane of acc_o = (a - AZeroPoint) * (b - BZeroPoint), exact; b may be spread over a (g2h_pair).
// Latency     a beat of a taken in clock t is offered in clock t + 2: operands are registered, and products, as a DSP
//             block has its registers.
// Handshake   each register takes the next beat when it is empty or the former one leaves.
// Parameters  AccBits holds every product, OperandBits every code less its zero point.
module g2h_mul #(
  parameter int unsigned Lanes       = 1,
  parameter int unsigned AccBits     = 18,
  parameter int unsigned OperandBits = 9,
  parameter int unsigned Spread      = 0,
  parameter int unsigned PixelBeats  = 1,
  parameter int unsigned Pixels      = 1,
  parameter int unsigned ABits       = 8,
  parameter bit          ASigned     = 1'b1,
  parameter int          AZeroPoint  = 0,
  parameter int unsigned BBits       = 8,
  parameter bit          BSigned     = 1'b1,
  parameter int          BZeroPoint  = 0
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,
  input  logic [Lanes*(ABits+BBits)-1:0] s_data_i,
  input  logic [1:0]                     s_valid_i,
  output logic [1:0]                     s_ready_o,
  output logic [Lanes*AccBits-1:0]       acc_o,
  output logic                           valid_o,
  input  logic                           ready_i
);
  logic [Lanes*OperandBits-1:0] a_q, b_q;
  logic                         pair, open;

  assign open = !valid_o || ready_i;

  g2h_terms #(
    .Lanes     (Lanes),
    .AccBits   (OperandBits),
    .Spread    (Spread),
    .PixelBeats(PixelBeats),
    .Pixels    (Pixels),
    .ABits     (ABits),
    .ASigned   (ASigned),
    .AZeroPoint(AZeroPoint),
    .BBits     (BBits),
    .BSigned   (BSigned),
    .BZeroPoint(BZeroPoint)
  ) u_terms (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_data_i (s_data_i),
    .s_valid_i(s_valid_i),
    .s_ready_o(s_ready_o),
    .a_o      (a_q),
    .b_o      (b_q),
    .valid_o  (pair),
    .ready_i  (open)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else if (open) valid_o <= pair;
  end

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    logic signed [OperandBits-1:0] a, b;
    logic signed [AccBits-1:0]     product_q;

    assign a = a_q[l*OperandBits+:OperandBits];
    assign b = b_q[l*OperandBits+:OperandBits];

    always_ff @(posedge clk_i) begin
      if (pair && open) product_q <= AccBits'(a) * AccBits'(b);
    end

    assign acc_o[l*AccBits+:AccBits] = product_q;
  end
endmodule
