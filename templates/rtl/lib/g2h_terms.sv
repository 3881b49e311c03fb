// g2h_terms: two operands of g2h_pair, less their zero points and times whole factors, in registers.
//
// Equation    lane of a_o = AFactor * (a - AZeroPoint), of b_o = BFactor * (b - BZeroPoint), modulo 2**AccBits.
// Latency     a beat of a taken in clock t is offered in clock t + 1.
// Handshake   a beat of a is taken when what it needs of b is there and the former pair has left or leaves.
module g2h_terms #(
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
  output logic [Lanes*AccBits-1:0]       a_o,
  output logic [Lanes*AccBits-1:0]       b_o,
  output logic                           valid_o,
  input  logic                           ready_i
);
  logic [Lanes*ABits-1:0]   a;
  logic [Lanes*BBits-1:0]   b;
  logic [Lanes*AccBits-1:0] term_a, term_b;
  logic                     pair, open;

  assign open = !valid_o || ready_i;

  g2h_pair #(
    .Lanes     (Lanes),
    .ABits     (ABits),
    .BBits     (BBits),
    .Spread    (Spread),
    .PixelBeats(PixelBeats),
    .Pixels    (Pixels)
  ) u_pair (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_data_i (s_data_i),
    .s_valid_i(s_valid_i),
    .s_ready_o(s_ready_o),
    .a_o      (a),
    .b_o      (b),
    .valid_o  (pair),
    .ready_i  (open)
  );

  g2h_term #(
    .Lanes    (Lanes),
    .InBits   (ABits),
    .Signed   (ASigned),
    .ZeroPoint(AZeroPoint),
    .Factor   (AFactor),
    .OutBits  (AccBits)
  ) u_term_a (
    .data_i(a),
    .term_o(term_a)
  );

  g2h_term #(
    .Lanes    (Lanes),
    .InBits   (BBits),
    .Signed   (BSigned),
    .ZeroPoint(BZeroPoint),
    .Factor   (BFactor),
    .OutBits  (AccBits)
  ) u_term_b (
    .data_i(b),
    .term_o(term_b)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else if (open) valid_o <= pair;
  end

  always_ff @(posedge clk_i) begin
    if (pair && open) begin
      a_o <= term_a;
      b_o <= term_b;
    end
  end
endmodule
