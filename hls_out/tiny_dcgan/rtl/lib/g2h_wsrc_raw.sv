// g2h_wsrc_raw: weight source of the codec "raw", uniform integers.
//
// Equation    lane p * Simd + s of weight_o = Base + the field of CodeBits bits at the same lane.
// Memory      word_i, word addr_i of the memory of codes, holds the codes of one block, Lanes = Pe * Simd weights, lane 0 in the least significant bits.
// Latency     word_i comes 2 clocks after addr_i and co_i; then at most an adder, as every weight source 2 clocks from addr_i.
// Parameters  CodeSigned: codes are two's complement, Base is 0 then and CodeBits is WeightBits.  Base + code fits the
//             signed WeightBits.
module g2h_wsrc_raw #(
  parameter int unsigned Lanes      = 1,
  parameter int unsigned Pe         = 1,
  parameter int unsigned Simd       = 1,
  parameter int unsigned WeightBits = 8,
  parameter int unsigned WordBits   = 8,
  parameter int unsigned AddrBits   = 1,
  parameter int unsigned CoFolds    = 1,
  parameter int unsigned CoBits     = 1,
  parameter int unsigned CodeBits   = 8,
  parameter int unsigned CodeSigned = 1,
  parameter int          Base       = 0
) (
  input  logic                        clk_i,
  input  logic [AddrBits-1:0]         addr_i,
  input  logic [CoBits-1:0]           co_i,
  input  logic [WordBits-1:0]         word_i,
  output logic [Lanes*WeightBits-1:0] weight_o
);
  logic unused_inputs;

  assign unused_inputs = &{1'b0, clk_i, addr_i, co_i};

  if (Lanes != Pe * Simd || WordBits != Lanes * CodeBits || (1 << CoBits) < CoFolds) begin : g_check_lanes
    $error("g2h_wsrc_raw: Lanes must be Pe * Simd, WordBits a word of codes, CoBits must hold CoFolds - 1");
  end
  if (CodeSigned != 0 && (CodeBits != WeightBits || Base != 0)) begin : g_check_bits
    $error("g2h_wsrc_raw: signed codes are the weights, so CodeBits must be WeightBits and Base 0");
  end

  if (CodeSigned != 0) begin : g_signed
    assign weight_o = word_i;
  end else begin : g_based
    for (genvar l = 0; l < Lanes; l++) begin : g_lane
      assign weight_o[l*WeightBits+:WeightBits] = WeightBits'(Base) + WeightBits'(word_i[l*CodeBits+:CodeBits]);
    end
  end
endmodule
