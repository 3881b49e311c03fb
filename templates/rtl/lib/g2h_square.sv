// g2h_square: the square of a code less its zero point.
//
// Equation    square_o = (code_i - ZeroPoint)**2.  Codes of up to 8 bits: the magnitude where its bits are 1, shifted and
//             added in LUTs; else a multiplier.
// Latency     2 clocks.
// Parameters  CodeBits holds the code less its zero point, with its sign.
module g2h_square #(
  parameter int unsigned InBits     = 8,
  parameter bit          Signed     = 1'b1,
  parameter int          ZeroPoint  = 0,
  parameter int unsigned CodeBits   = 9,
  localparam int unsigned OutBits   = 2 * CodeBits
) (
  input  logic               clk_i,
  input  logic [InBits-1:0]  code_i,
  output logic [OutBits-1:0] square_o
);
  logic [CodeBits-1:0] centred, magnitude, magnitude_q;
  logic [OutBits-1:0]  square, square_q;

  g2h_centre #(
    .Lanes    (1),
    .InBits   (InBits),
    .Signed   (Signed),
    .ZeroPoint(ZeroPoint),
    .OutBits  (CodeBits)
  ) u_centre (
    .data_i(code_i),
    .data_o(centred)
  );

  assign magnitude = centred[CodeBits-1] ? -centred : centred;

  always_ff @(posedge clk_i) begin
    magnitude_q <= magnitude;
    square_q    <= square;
  end

  if (InBits <= 8) begin : g_adders
    always_comb begin
      square = '0;
      for (int unsigned n = 0; n < CodeBits; n++) begin
        if (magnitude_q[n]) square = square + (OutBits'(magnitude_q) << n);
      end
    end
  end else begin : g_multiplier
    assign square = OutBits'(magnitude_q) * OutBits'(magnitude_q);
  end

  assign square_o = square_q;
endmodule
