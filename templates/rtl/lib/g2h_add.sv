// g2h_add: the sum of two streams, each times a whole factor that brings both to one step.
//
// Equation    lane of acc_o = AFactor * (a - AZeroPoint) + BFactor * (b - BZeroPoint), exact.
//             s_data_i holds a beat of a in its least bits, a beat of b above.
// Latency     a beat taken in clock t is offered in clock t + 1: products are registered, their sum is not, since the
//             requantizer behind registers what it takes.  Products are shifts and adders, no DSP block.
// Handshake   both beats are taken in one clock: when both are valid, and the former sum has left or leaves.  Each ready
//             depends on the other valid, and on registers.
// Parameters  AccBits holds every sum; products may wrap, their sum does not.
module g2h_add #(
  parameter int unsigned Lanes      = 1,
  parameter int unsigned AccBits    = 10,
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
  logic [Lanes*AccBits-1:0] a, b;
  logic                     valid_q, open, take;

  assign open      = !valid_q || ready_i;
  assign take      = open && (&s_valid_i);
  assign s_ready_o = {open && s_valid_i[0], open && s_valid_i[1]};
  assign valid_o   = valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (open) valid_q <= take;
  end

  g2h_term #(
    .Lanes    (Lanes),
    .InBits   (ABits),
    .Signed   (ASigned),
    .ZeroPoint(AZeroPoint),
    .Factor   (AFactor),
    .OutBits  (AccBits)
  ) u_term_a (
    .data_i(s_data_i[0+:Lanes*ABits]),
    .term_o(a)
  );

  g2h_term #(
    .Lanes    (Lanes),
    .InBits   (BBits),
    .Signed   (BSigned),
    .ZeroPoint(BZeroPoint),
    .Factor   (BFactor),
    .OutBits  (AccBits)
  ) u_term_b (
    .data_i(s_data_i[Lanes*ABits+:Lanes*BBits]),
    .term_o(b)
  );

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    logic [AccBits-1:0] a_q, b_q;

    always_ff @(posedge clk_i) begin
      if (take) begin
        a_q <= a[l*AccBits+:AccBits];
        b_q <= b[l*AccBits+:AccBits];
      end
    end

    assign acc_o[l*AccBits+:AccBits] = a_q + b_q;
  end
endmodule
