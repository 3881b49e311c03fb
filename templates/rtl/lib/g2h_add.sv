// g2h_add: the sum of two streams, each times a whole factor that brings both to one step.
//
// Equation    lane of acc_o = AFactor * (a - AZeroPoint) + BFactor * (b - BZeroPoint), exact; b may be spread over a
//             (g2h_pair).
// Latency     a beat taken in clock t is offered in clock t + 1: products are registered, their sum is not, since the
//             requantizer behind registers what it takes.  Products are shifts and adders, no DSP block.
// Handshake   a beat of a is taken when what it needs of b is there and the former sum has left or leaves.
// Parameters  AccBits holds every sum; products may wrap, their sum does not.
module g2h_add #(
  parameter int unsigned Lanes      = 1,
  parameter int unsigned AccBits    = 10,
  parameter int unsigned Spread     = 0,
  parameter int unsigned PixelBeats = 1,
  parameter int unsigned Pixels     = 1,
  parameter int unsigned ABits      = 8,
  parameter bit          ASigned    = 1'b1,
  parameter int          AZeroPoint = 0,
  parameter int          AFactor    = 1,
  parameter int unsigned BBits      = 8,
  parameter bit          BSigned    = 1'b1,
  parameter int          BZeroPoint = 0,
  parameter int          BFactor    = 1
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
  logic [Lanes*AccBits-1:0] a_q, b_q;

  g2h_terms #(
    .Lanes     (Lanes),
    .AccBits   (AccBits),
    .Spread    (Spread),
    .PixelBeats(PixelBeats),
    .Pixels    (Pixels),
    .ABits     (ABits),
    .ASigned   (ASigned),
    .AZeroPoint(AZeroPoint),
    .AFactor   (AFactor),
    .BBits     (BBits),
    .BSigned   (BSigned),
    .BZeroPoint(BZeroPoint),
    .BFactor   (BFactor)
  ) u_terms (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_data_i (s_data_i),
    .s_valid_i(s_valid_i),
    .s_ready_o(s_ready_o),
    .a_o      (a_q),
    .b_o      (b_q),
    .valid_o  (valid_o),
    .ready_i  (ready_i)
  );

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    assign acc_o[l*AccBits+:AccBits] = a_q[l*AccBits+:AccBits] + b_q[l*AccBits+:AccBits];
  end
endmodule
