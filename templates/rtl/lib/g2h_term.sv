// g2h_term: an operand of a sum or a join: codes less their zero point, times a whole constant; combinational.
//
// Equation    lane of term_o = Factor * (code - ZeroPoint), modulo 2**OutBits.
// Latency     0 clocks.  The product is shifts and an adder for each bit of the factor but one, no DSP block.
// Parameters  Factor has at most 12 bits beside its sign.
module g2h_term #(
  parameter int unsigned Lanes     = 1,
  parameter int unsigned InBits    = 8,
  parameter bit          Signed    = 1'b1,
  parameter int          ZeroPoint = 0,
  parameter int          Factor    = 1,
  parameter int unsigned OutBits   = 8
) (
  input  logic [Lanes*InBits-1:0]  data_i,
  output logic [Lanes*OutBits-1:0] term_o
);
  localparam int unsigned           FactorBits = 12;
  localparam logic [FactorBits-1:0] Magnitude  = FactorBits'(Factor < 0 ? -Factor : Factor);

  logic [Lanes*OutBits-1:0] centred;

  g2h_centre #(
    .Lanes    (Lanes),
    .InBits   (InBits),
    .Signed   (Signed),
    .ZeroPoint(ZeroPoint),
    .OutBits  (OutBits)
  ) u_centre (
    .data_i(data_i),
    .data_o(centred)
  );

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    logic [OutBits-1:0]                x;
    logic [(FactorBits+1)*OutBits-1:0] sums;

    assign x                = centred[l*OutBits+:OutBits];
    assign sums[0+:OutBits] = '0;
    for (genvar n = 0; n < FactorBits; n++) begin : g_bit
      if (Magnitude[n]) begin : g_set
        assign sums[(n+1)*OutBits+:OutBits] = sums[n*OutBits+:OutBits] + (x << n);
      end else begin : g_clear
        assign sums[(n+1)*OutBits+:OutBits] = sums[n*OutBits+:OutBits];
      end
    end
    assign term_o[l*OutBits+:OutBits] = Factor < 0 ? -sums[FactorBits*OutBits+:OutBits] : sums[FactorBits*OutBits+:OutBits];
  end
endmodule
