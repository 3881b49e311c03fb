// g2h_frame_demux: a frame to each of several streams in turn, their elements as narrow as their codes are.
//
// Equation    Beats beats to output 0, as many to output 1, ..., then again to output 0.  m_data_o holds a beat of output 0 in
//             its least bits, of output 1 above, ...: the least bits of each code.
// Latency     a beat taken in clock t is offered in clock t + 1.
// Handshake   one beat is taken in a clock when the former one, of whichever output, has left or leaves.  No ready depends
//             on a valid of the input.
// Parameters  Outputs at least 2.  Bits, Offsets: 32 bits for each output, those of output 0 least.  An offset is the sum of the
//             Bits before, OutBits that of all; InBits holds every code.
module g2h_frame_demux #(
  parameter int unsigned           Outputs = 2,
  parameter int unsigned           Lanes   = 1,
  parameter int unsigned           Beats   = 1,
  parameter int unsigned           InBits  = 8,
  parameter int unsigned           OutBits = 16,
  parameter logic [32*Outputs-1:0] Bits    = {Outputs{32'd8}},
  parameter logic [32*Outputs-1:0] Offsets = {Outputs{32'd0}}
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [Lanes*InBits-1:0]  s_data_i,
  input  logic                     s_valid_i,
  output logic                     s_ready_o,
  output logic [Lanes*OutBits-1:0] m_data_o,
  output logic [Outputs-1:0]       m_valid_o,
  input  logic [Outputs-1:0]       m_ready_i
);
  logic [Outputs-1:0]      turn_q;   // one is set: whose the next beat is
  logic [Outputs-1:0]      valid_q;  // one is set, or none: whose beat stands here
  logic [Lanes*InBits-1:0] data_q;
  logic                    open, take, last;

  assign open      = (valid_q & ~m_ready_i) == '0;
  assign take      = open && s_valid_i;
  assign s_ready_o = open;
  assign m_valid_o = valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      turn_q  <= Outputs'(1);
    end else begin
      if (open) valid_q <= turn_q & {Outputs{s_valid_i}};
      if (take && last) turn_q <= {turn_q[Outputs-2:0], turn_q[Outputs-1]};
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

  always_ff @(posedge clk_i) begin
    if (take) data_q <= s_data_i;
  end

  for (genvar n = 0; n < Outputs; n++) begin : g_output
    localparam int unsigned ElemBits = Bits[32*n+:32];
    localparam int unsigned At       = Lanes * Offsets[32*n+:32];
    for (genvar l = 0; l < Lanes; l++) begin : g_lane
      assign m_data_o[At+l*ElemBits+:ElemBits] = data_q[l*InBits+:ElemBits];
    end
  end
endmodule
