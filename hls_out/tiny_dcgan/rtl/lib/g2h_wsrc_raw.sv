// g2h_wsrc_raw: weight source of the codec "raw", uniform integers.
//
// Equation    lane p * Simd + s of weight_o = sign- or zero-extended field of CodeBits bits at the same lane.
// Memory      word (tap * CO/PE + co_fold) * CI/groups/SIMD + ci_fold holds the Lanes = PE * SIMD weights of one step.
// Latency     2 clocks from addr_i, as every weight source.
// Parameters  WeightBits = CodeBits + !Signed: the signed width that enters the multiplier.
module g2h_wsrc_raw #(
  parameter int unsigned Lanes      = 1,
  parameter int unsigned CodeBits   = 8,
  parameter bit          Signed     = 1'b1,
  parameter int unsigned WeightBits = 8,
  parameter int unsigned Depth      = 2,
  parameter int unsigned AddrBits   = 1,
  parameter              File       = ""
) (
  input  logic                        clk_i,
  input  logic [AddrBits-1:0]         addr_i,
  output logic [Lanes*WeightBits-1:0] weight_o
);
  logic [Lanes*CodeBits-1:0] word;

  if (WeightBits != CodeBits + (Signed ? 0 : 1)) begin : g_check_bits
    $error("g2h_wsrc_raw: WeightBits must be CodeBits, and one more when unsigned");
  end

  g2h_rom #(
    .Width   (Lanes * CodeBits),
    .Depth   (Depth),
    .AddrBits(AddrBits),
    .File    (File)
  ) u_rom (
    .clk_i (clk_i),
    .addr_i(addr_i),
    .data_o(word)
  );

  if (Signed) begin : g_signed
    assign weight_o = word;
  end else begin : g_unsigned
    for (genvar l = 0; l < Lanes; l++) begin : g_lane
      assign weight_o[l*WeightBits+:WeightBits] = {1'b0, word[l*CodeBits+:CodeBits]};
    end
  end
endmodule
