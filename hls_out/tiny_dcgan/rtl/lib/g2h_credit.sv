// g2h_credit: counts the free words of a queue that lies behind a pipeline.
//
// Equation    credit' = credit - take_i + give_i, Depth after reset; avail_o = credit > 0.
// Latency     both take_i and give_i act on avail_o in the next clock; avail_o is a register.
// Handshake   take_i only while avail_o.
// Parameters  Depth >= 1.
module g2h_credit #(
  parameter int unsigned Depth = 16
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic take_i,
  input  logic give_i,
  output logic avail_o
);
  localparam int unsigned Bits = $clog2(Depth + 1);

  logic [Bits-1:0] credit_d, credit_q;
  logic            avail_q;

  assign credit_d = credit_q + Bits'(give_i) - Bits'(take_i);
  assign avail_o  = avail_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      credit_q <= Bits'(Depth);
      avail_q  <= 1'b1;
    end else begin
      credit_q <= credit_d;
      avail_q  <= credit_d != '0;
    end
  end
endmodule
