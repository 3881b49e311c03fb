// g2h_count: says which of Count events is the last, over and over.
//
// Equation    last_o: of the events step_i since reset, the next one is number Count, 2 * Count, ...
// Latency     an event in clock t shows in clock t + 1.
// Parameters  Count >= 1; one event is always the last, and takes no register.
module g2h_count #(
  parameter int unsigned Count = 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic step_i,
  output logic last_o
);
  if (Count > 1) begin : g_many
    localparam int unsigned Bits = $clog2(Count);
    logic [Bits-1:0] count_q;

    assign last_o = count_q == Bits'(Count - 1);

    always_ff @(posedge clk_i) begin
      if (!rst_ni) count_q <= '0;
      else if (step_i) count_q <= last_o ? '0 : count_q + Bits'(1);
    end
  end else begin : g_one
    logic unused_inputs;
    assign unused_inputs = &{1'b0, clk_i, rst_ni, step_i};
    assign last_o        = 1'b1;
  end
endmodule
