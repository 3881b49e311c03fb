// g2h_burst_count: which bursts of a stream are the last ones of their frames.
//
// Equation    last_o is high for burst n where n % Bursts == Bursts - 1.  Where that burst is Whole it differs in nothing
//             from the others, and last_o is high for all.
// Latency     last_o belongs to the next burst; step_i takes it.
module g2h_burst_count #(
  parameter int unsigned Bursts = 2,
  parameter bit          Whole  = 1'b0
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic step_i,
  output logic last_o
);
  if (Whole || Bursts == 1) begin : g_alike
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, step_i};
    assign last_o = 1'b1;
  end else begin : g_counted
    localparam int unsigned Bits = $clog2(Bursts);
    logic [Bits-1:0] burst_q;

    assign last_o = burst_q == Bits'(Bursts - 1);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) burst_q <= '0;
      else if (step_i) burst_q <= last_o ? '0 : burst_q + Bits'(1);
    end
  end
endmodule
