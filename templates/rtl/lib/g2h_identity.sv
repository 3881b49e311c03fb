// g2h_identity: the unit of an engine that only applies a function: codes less their zero point.
//
// Equation    lane of acc_o = code - ZeroPoint, signed.
// Latency     0 clocks: everything passes straight through.
// Handshake   valid and ready are those of the requantizer behind, whose ready is a register.
// Parameters  OutBits holds every code - ZeroPoint.
module g2h_identity #(
  parameter int unsigned Lanes     = 1,
  parameter int unsigned InBits    = 8,
  parameter bit          Signed    = 1'b1,
  parameter int          ZeroPoint = 0,
  parameter int unsigned OutBits   = 8
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [Lanes*InBits-1:0]  s_data_i,
  input  logic                     s_valid_i,
  output logic                     s_ready_o,
  output logic [Lanes*OutBits-1:0] acc_o,
  output logic                     valid_o,
  input  logic                     ready_i
);
  logic unused_input;

  assign unused_input = &{1'b0, clk_i, rst_ni};
  assign valid_o      = s_valid_i;
  assign s_ready_o    = ready_i;

  g2h_centre #(
    .Lanes    (Lanes),
    .InBits   (InBits),
    .Signed   (Signed),
    .ZeroPoint(ZeroPoint),
    .OutBits  (OutBits)
  ) u_centre (
    .data_i(s_data_i),
    .data_o(acc_o)
  );
endmodule
