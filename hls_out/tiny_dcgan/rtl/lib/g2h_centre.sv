// g2h_centre: removes the zero point where a stream enters arithmetic; combinational, one adder.
//
// Equation    lane of data_o = code - ZeroPoint, signed.
// Latency     0 clocks.
// Parameters  OutBits holds every code - ZeroPoint.
module g2h_centre #(
  parameter int unsigned Lanes     = 1,
  parameter int unsigned InBits    = 8,
  parameter bit          Signed    = 1'b1,
  parameter int          ZeroPoint = 0,
  parameter int unsigned OutBits   = 8
) (
  input  logic [Lanes*InBits-1:0]  data_i,
  output logic [Lanes*OutBits-1:0] data_o
);
  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    logic signed [InBits:0] code;
    assign code = {Signed ? data_i[l*InBits+InBits-1] : 1'b0, data_i[l*InBits+:InBits]};
    assign data_o[l*OutBits+:OutBits] = OutBits'((InBits + 2)'(code) - (InBits + 2)'(ZeroPoint));
  end
endmodule
