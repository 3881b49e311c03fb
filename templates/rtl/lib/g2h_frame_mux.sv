// g2h_frame_mux: a frame of each of several streams in turn, codes less their zero points.
//
// Equation    Beats beats of input 0, as many of input 1, ..., then again of input 0.  A lane of m_data_o is code -
//             ZeroPoints[n] of the input n whose turn it is.  s_data_i holds a beat of input 0 in its least bits, of input 1 above, ...
// Latency     a beat taken in clock t is offered in clock t + 1.
// Handshake   one beat is taken in a clock, of the input whose turn it is, when the former one has left or leaves.  No
//             ready depends on a valid.
// Parameters  Inputs at least 2.  Bits, Offsets, Signed, ZeroPoints: 32 bits for each input, those of input 0 least.  An offset
//             is the sum of the Bits before, InBits that of all; OutBits holds every difference.
module g2h_frame_mux #(
  parameter int unsigned          Inputs  = 2,
  parameter int unsigned          Lanes   = 1,
  parameter int unsigned          Beats   = 1,
  parameter int unsigned          InBits  = 16,
  parameter int unsigned          OutBits = 8,
  parameter logic [32*Inputs-1:0] Bits    = {Inputs{32'd8}},
  parameter logic [32*Inputs-1:0] Offsets = {Inputs{32'd0}},
  parameter logic [32*Inputs-1:0] Signed  = {Inputs{32'd1}},
  parameter logic [32*Inputs-1:0] ZeroPoints = {Inputs{32'd0}}
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [Lanes*InBits-1:0]  s_data_i,
  input  logic [Inputs-1:0]        s_valid_i,
  output logic [Inputs-1:0]        s_ready_o,
  output logic [Lanes*OutBits-1:0] m_data_o,
  output logic                     m_valid_o,
  input  logic                     m_ready_i
);
  logic [Inputs-1:0]                  turn_q;  // one is set
  logic [Inputs:0][Lanes*OutBits-1:0] chosen;
  logic                               valid_q, open, take, last;

  assign open      = !valid_q || m_ready_i;
  assign take      = open && |(s_valid_i & turn_q);
  assign s_ready_o = turn_q & {Inputs{open}};
  assign m_valid_o = valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      turn_q  <= Inputs'(1);
    end else begin
      if (open) valid_q <= take;
      if (take && last) turn_q <= {turn_q[Inputs-2:0], turn_q[Inputs-1]};
    end
  end

  g2h_count #(
    .Count(Beats)
  ) u_beats (
    .clk_i (clk_i),
    .rst_ni(rst_ni),
    .step_i(take),
    .last_o(last)
  );

  assign chosen[0] = '0;

  for (genvar n = 0; n < Inputs; n++) begin : g_input
    localparam int unsigned ElemBits = Bits[32*n+:32];
    localparam int unsigned At       = Lanes * Offsets[32*n+:32];

    logic [Lanes*OutBits-1:0] wide;

    g2h_term #(
      .Lanes    (Lanes),
      .InBits   (ElemBits),
      .Signed   (Signed[32*n]),
      .ZeroPoint(ZeroPoints[32*n+:32]),
      .Factor   (1),
      .OutBits  (OutBits)
    ) u_term (
      .data_i(s_data_i[At+:Lanes*ElemBits]),
      .term_o(wide)
    );

    assign chosen[n+1] = chosen[n] | (wide & {(Lanes*OutBits){turn_q[n]}});
  end

  always_ff @(posedge clk_i) begin
    if (take) m_data_o <= chosen[Inputs];
  end
endmodule
