// g2h_frame_base: where a frame begins in a circular line buffer.
//
// Equation    base_o' = (base_o + Step) mod Total with next_i, 0 after reset.
// Latency     next_i acts on base_o in the next clock.
// Parameters  Step < Total; AddrBits holds Total - 1.
module g2h_frame_base #(
  parameter int unsigned Total    = 2,
  parameter int unsigned Step     = 0,
  parameter int unsigned AddrBits = 1
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                next_i,
  output logic [AddrBits-1:0] base_o
);
  if (Step == 0) begin : g_fixed
    logic unused_next;
    assign unused_next = &{1'b0, clk_i, rst_ni, next_i};
    assign base_o      = '0;
  end else begin : g_moving
    localparam int unsigned Wrap = Total - Step;
    logic [AddrBits-1:0] base_q;

    always_ff @(posedge clk_i) begin
      if (!rst_ni) base_q <= '0;
      else if (next_i) base_q <= (base_q >= AddrBits'(Wrap)) ? base_q - AddrBits'(Wrap) : base_q + AddrBits'(Step);
    end

    assign base_o = base_q;
  end
endmodule
