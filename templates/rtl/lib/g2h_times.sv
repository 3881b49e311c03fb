// g2h_times: a number times a whole constant; combinational.
//
// Equation    product_o = Factor * number_i, modulo 2**OutBits.  A digit of Factor that is not 0, written with digits
//             -1, 0, 1 of which no two neighbours are both not 0, is an adder less one; more than four of them are left
//             to a multiplier.
// Source      non-adjacent form: G. W. Reitwiesner, Binary arithmetic, Advances in Computers 1, 1960.
// Latency     0 clocks.
module g2h_times #(
  parameter int unsigned Factor  = 1,
  parameter int unsigned InBits  = 8,
  parameter bit          Signed  = 1'b1,
  parameter int unsigned OutBits = 8
) (
  input  logic [InBits-1:0]  number_i,
  output logic [OutBits-1:0] product_o
);
  localparam int unsigned           FactorBits = 32;
  localparam logic [FactorBits+1:0] Once       = (FactorBits + 2)'(Factor);
  localparam logic [FactorBits+1:0] Thrice     = Once + (Once << 1);
  localparam logic [FactorBits:0]   Plus       = (FactorBits + 1)'((Thrice & ~Once) >> 1);
  localparam logic [FactorBits:0]   Minus      = (FactorBits + 1)'((Once & ~Thrice) >> 1);

  logic [OutBits-1:0] x;

  if (Signed) begin : g_signed
    assign x = OutBits'($signed(number_i));
  end else begin : g_unsigned
    assign x = OutBits'(number_i);
  end

  if ($countones(Plus | Minus) <= 4) begin : g_adders
    logic [(FactorBits+2)*OutBits-1:0] sums;

    assign sums[0+:OutBits] = '0;

    for (genvar n = 0; n <= FactorBits; n++) begin : g_digit
      if (Plus[n]) begin : g_plus
        assign sums[(n+1)*OutBits+:OutBits] = sums[n*OutBits+:OutBits] + (x << n);
      end else if (Minus[n]) begin : g_minus
        assign sums[(n+1)*OutBits+:OutBits] = sums[n*OutBits+:OutBits] - (x << n);
      end else begin : g_none
        assign sums[(n+1)*OutBits+:OutBits] = sums[n*OutBits+:OutBits];
      end
    end

    assign product_o = sums[(FactorBits+1)*OutBits+:OutBits];
  end else begin : g_multiplier
    assign product_o = x * OutBits'(Factor);
  end
endmodule
