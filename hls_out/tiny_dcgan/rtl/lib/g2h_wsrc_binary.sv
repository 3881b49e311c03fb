// g2h_wsrc_binary: weight source of the codec "binary", a sign a weight.
//
// Equation    lane l of weight_o = bit l of the word ? -1 : +1.
// Memory      word addr_i holds the signs of one block, Lanes = Pe * Simd weights, lane 0 in the least significant bit.
// Latency     2 clocks from addr_i, as every weight source; the decoder is wires.
// Parameters  WeightBits is 2.
module g2h_wsrc_binary #(
  parameter int unsigned Lanes      = 1,
  parameter int unsigned Pe         = 1,
  parameter int unsigned Simd       = 1,
  parameter int unsigned WeightBits = 2,
  parameter int unsigned Depth      = 2,
  parameter int unsigned AddrBits   = 1,
  parameter int unsigned CoFolds    = 1,
  parameter int unsigned CoBits     = 1,
  parameter              File       = ""
) (
  input  logic                        clk_i,
  input  logic [AddrBits-1:0]         addr_i,
  input  logic [CoBits-1:0]           co_i,
  output logic [Lanes*WeightBits-1:0] weight_o
);
  logic [Lanes-1:0] word;
  logic             unused_fold;

  assign unused_fold = &{1'b0, co_i};

  if (Lanes != Pe * Simd || (1 << CoBits) < CoFolds) begin : g_check_lanes
    $error("g2h_wsrc_binary: Lanes must be Pe * Simd, CoBits must hold CoFolds - 1");
  end
  if (WeightBits != 2) begin : g_check_bits
    $error("g2h_wsrc_binary: WeightBits must be 2");
  end

  g2h_rom #(
    .Width   (Lanes),
    .Depth   (Depth),
    .AddrBits(AddrBits),
    .File    (File)
  ) u_rom (
    .clk_i (clk_i),
    .addr_i(addr_i),
    .data_o(word)
  );

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    assign weight_o[2*l+:2] = {word[l], 1'b1};
  end
endmodule
