// g2h_step_delay: holds an input word and its step back, where the weights of the step come later.
//
// Equation    x_o, step_o = x_i, step_i.
// Latency     Clocks.
// Handshake   none, as behind g2h_feeder: step_i is {valid, first, last, idle} of the step that x_i belongs to.
// Parameters  Clocks >= 1.
module g2h_step_delay #(
  parameter int unsigned Width  = 8,
  parameter int unsigned Clocks = 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic [Width-1:0] x_i,
  input  logic [3:0]       step_i,
  output logic [Width-1:0] x_o,
  output logic [3:0]       step_o
);
  logic [Clocks*Width-1:0] x_q;
  logic [Clocks*4-1:0]     step_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) step_q <= '0;
    else step_q <= (Clocks*4)'({step_q, step_i});
  end

  always_ff @(posedge clk_i) x_q <= (Clocks*Width)'({x_q, x_i});

  assign x_o    = x_q[Clocks*Width-1-:Width];
  assign step_o = step_q[Clocks*4-1-:4];
endmodule
