// g2h_wsrc_binary: weight source of the codec "binary", a sign a weight.
//
// Equation    lane l of weight_o = bit l of the word ? -1 : +1.
// Memory      word_i, word addr_i of the memory of codes, holds the signs of one block, Lanes = Pe * Simd weights, lane 0 in the least significant bit.
// Latency     word_i comes 2 clocks after addr_i, as weight_o; the decoder is wires.
// Parameters  WeightBits is 2.
module g2h_wsrc_binary #(
  parameter int unsigned Lanes      = 1,
  parameter int unsigned Pe         = 1,
  parameter int unsigned Simd       = 1,
  parameter int unsigned WeightBits = 2,
  parameter int unsigned WordBits   = 1,
  parameter int unsigned AddrBits   = 1,
  parameter int unsigned CoFolds    = 1,
  parameter int unsigned CoBits     = 1
) (
  input  logic                        clk_i,
  input  logic [AddrBits-1:0]         addr_i,
  input  logic [CoBits-1:0]           co_i,
  input  logic [WordBits-1:0]         word_i,
  output logic [Lanes*WeightBits-1:0] weight_o
);
  logic unused_inputs;

  assign unused_inputs = &{1'b0, clk_i, addr_i, co_i};

  if (Lanes != Pe * Simd || WordBits != Lanes || (1 << CoBits) < CoFolds) begin : g_check_lanes
    $error("g2h_wsrc_binary: Lanes must be Pe * Simd, WordBits a word of codes, CoBits must hold CoFolds - 1");
  end
  if (WeightBits != 2) begin : g_check_bits
    $error("g2h_wsrc_binary: WeightBits must be 2");
  end

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    assign weight_o[2*l+:2] = {word_i[l], 1'b1};
  end
endmodule
