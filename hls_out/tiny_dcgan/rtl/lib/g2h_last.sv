// g2h_last: marks the last beat of each frame.
//
// Equation    last_o while beat Beats - 1 of a frame stands at the port; beat_i tells that a beat leaves.
// Latency     last_o is a register.
// Parameters  Beats >= 1.
module g2h_last #(
  parameter int unsigned Beats = 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic beat_i,
  output logic last_o
);
  localparam int unsigned Bits = (Beats > 1) ? $clog2(Beats) : 1;

  logic [Bits-1:0] count_d, count_q;
  logic            last_q;

  assign count_d = !beat_i ? count_q : last_q ? '0 : count_q + Bits'(1);
  assign last_o  = last_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      last_q  <= Beats == 1;
    end else begin
      count_q <= count_d;
      last_q  <= count_d == Bits'(Beats - 1);
    end
  end
endmodule
