// g2h_concat: several streams one behind the other, in runs of fixed length.
//
// Equation    a run is Beats[0] beats of input 0, Beats[1] of input 1, ...; runs follow one another without end.  Lane of
//             acc_o = Factors[n] * (code - ZeroPoints[n]) of the input n whose turn it is, exact.
//             s_data_i holds a beat of input 0 in its least bits, of input 1 above, ...
// Latency     a beat taken in clock t is offered in clock t + 1.
// Handshake   one beat is taken in a clock, of the input whose turn it is, when the former sum has left or leaves.  No
//             ready depends on a valid.
// Parameters  Bits, Offsets, Signed, ZeroPoints, Factors, Beats: 32 bits for each input, those of input 0 least.  An offset
//             is the sum of the Bits before, InBits that of all; AccBits holds every product, BeatBits every count of
//             beats less 1.
module g2h_concat #(
  parameter int unsigned          Inputs     = 2,
  parameter int unsigned          Lanes      = 1,
  parameter int unsigned          AccBits    = 9,
  parameter int unsigned          InBits     = 16,
  parameter int unsigned          BeatBits   = 1,
  parameter logic [32*Inputs-1:0] Bits       = {Inputs{32'd8}},
  parameter logic [32*Inputs-1:0] Offsets    = {Inputs{32'd0}},
  parameter logic [32*Inputs-1:0] Signed     = {Inputs{32'd1}},
  parameter logic [32*Inputs-1:0] ZeroPoints = {Inputs{32'd0}},
  parameter logic [32*Inputs-1:0] Factors    = {Inputs{32'd1}},
  parameter logic [32*Inputs-1:0] Beats      = {Inputs{32'd1}}
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [Lanes*InBits-1:0]  s_data_i,
  input  logic [Inputs-1:0]        s_valid_i,
  output logic [Inputs-1:0]        s_ready_o,
  output logic [Lanes*AccBits-1:0] acc_o,
  output logic                     valid_o,
  input  logic                     ready_i
);
  logic [Inputs-1:0]                turn_q;  // one is set
  logic [Inputs-1:0][BeatBits-1:0]  last;
  logic [Inputs-1:0]                is_last;
  logic [BeatBits-1:0]              beat_q;
  logic [Inputs:0][Lanes*AccBits-1:0] chosen;
  logic                             valid_q, open, take, over;

  assign open      = !valid_q || ready_i;
  assign take      = open && |(s_valid_i & turn_q);
  assign over      = |(turn_q & is_last);
  assign s_ready_o = turn_q & {Inputs{open}};
  assign valid_o   = valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      turn_q  <= Inputs'(1);
      beat_q  <= '0;
    end else begin
      if (open) valid_q <= take;
      if (take) begin
        beat_q <= over ? '0 : beat_q + BeatBits'(1);
        if (over) turn_q <= {turn_q[Inputs-2:0], turn_q[Inputs-1]};
      end
    end
  end

  assign chosen[0] = '0;

  for (genvar n = 0; n < Inputs; n++) begin : g_input
    localparam int unsigned ElemBits = Bits[32*n+:32];
    localparam int unsigned At       = Lanes * Offsets[32*n+:32];

    logic [Lanes*AccBits-1:0] term;

    assign last[n]    = BeatBits'(Beats[32*n+:32] - 32'd1);
    assign is_last[n] = beat_q == last[n];

    g2h_term #(
      .Lanes    (Lanes),
      .InBits   (ElemBits),
      .Signed   (Signed[32*n]),
      .ZeroPoint(ZeroPoints[32*n+:32]),
      .Factor   (Factors[32*n+:32]),
      .OutBits  (AccBits)
    ) u_term (
      .data_i(s_data_i[At+:Lanes*ElemBits]),
      .term_o(term)
    );

    assign chosen[n+1] = chosen[n] | (term & {(Lanes*AccBits){turn_q[n]}});
  end

  always_ff @(posedge clk_i) begin
    if (take) acc_o <= chosen[Inputs];
  end
endmodule
