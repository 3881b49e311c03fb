// g2h_primed: lets frames in once every engine has had all the weights from external memory that it can hold.
//
// Equation    primed_o rises when each of full_i has been high, and stays high until reset: the latency of a frame does
//             not depend on when reset ended.
// Latency     primed_o is a register: the last full_i in clock t, primed_o in clock t + 1.
// Parameters  Engines >= 1.
module g2h_primed #(
  parameter int unsigned Engines = 1
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [Engines-1:0] full_i,
  output logic               primed_o
);
  logic [Engines-1:0] full_q;
  logic               primed_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      full_q   <= '0;
      primed_q <= 1'b0;
    end else begin
      full_q   <= full_q | full_i;
      primed_q <= &(full_q | full_i);
    end
  end

  assign primed_o = primed_q;
endmodule
