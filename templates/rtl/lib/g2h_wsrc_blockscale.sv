// g2h_wsrc_blockscale: weight source of the codec "blockscale", a code a weight and a factor a block of weights.
//
// Equation    lane l of weight_o = (Base + offset[g] + code[l]) * factor[g], g = l / FactorLanes.
// Memory      word_i, word addr_i of the memory of codes, holds the codes of one block of lanes, CodeBits each, unsigned, lane 0 in the least
//             significant bits.  Word addr_i >> FactorShift of FactorFile holds an entry per group g, group 0 in the
//             least significant bits: factor (FactorBits), then offset (OffsetBits, 0: none), both unsigned.  Where there is
//             no such memory (FactorWords 0), since weights come from external memory, word_i has these entries above its codes.
// Latency     4 clocks from addr_i, two more than other weight sources: one for multiples of the factor by two bits of the
//             digit each, one for their sum.
// Parameters  DigitBits holds Base + offset + code, WeightBits the product, both signed; FactorLanes divides Simd.  The
//             product is a sum of shifted factors, one a bit of the digit: LUTs and carry chains, no DSP block.
module g2h_wsrc_blockscale #(
  parameter int unsigned Lanes       = 1,
  parameter int unsigned Pe          = 1,
  parameter int unsigned Simd        = 1,
  parameter int unsigned WeightBits  = 16,
  parameter int unsigned WordBits    = 4,
  parameter int unsigned AddrBits    = 1,
  parameter int unsigned CoFolds     = 1,
  parameter int unsigned CoBits      = 1,
  parameter int unsigned CodeBits    = 4,
  parameter int unsigned DigitBits   = 4,
  parameter int          Base        = 0,
  parameter int unsigned OffsetBits  = 0,
  parameter int unsigned FactorBits  = 8,
  parameter int unsigned FactorLanes = 1,
  parameter int unsigned FactorShift = 0,
  parameter int unsigned FactorWords = 2,
  parameter              FactorFile  = ""
) (
  input  logic                        clk_i,
  input  logic [AddrBits-1:0]         addr_i,
  input  logic [CoBits-1:0]           co_i,
  input  logic [WordBits-1:0]         word_i,
  output logic [Lanes*WeightBits-1:0] weight_o
);
  localparam int unsigned Groups         = Lanes / FactorLanes;
  localparam int unsigned EntryBits      = FactorBits + OffsetBits;
  localparam int unsigned Pairs          = (DigitBits + 1) / 2;  // bits of a digit, two at a time
  localparam int unsigned FactorAddrBits = (AddrBits > FactorShift) ? AddrBits - FactorShift : 1;

  logic [Groups*EntryBits-1:0] entries;
  logic unused_fold;

  assign unused_fold = &{1'b0, co_i};

  localparam int unsigned WordEntries = (FactorWords == 0) ? Groups * EntryBits : 0;  // bits of them in a word

  if (Lanes != Pe * Simd || WordBits != Lanes * CodeBits + WordEntries || (1 << CoBits) < CoFolds) begin : g_check_lanes
    $error("g2h_wsrc_blockscale: Lanes must be Pe * Simd, WordBits a word of codes, CoBits must hold CoFolds - 1");
  end
  if (Simd % FactorLanes != 0 || CodeBits > DigitBits || OffsetBits > DigitBits) begin : g_check_factors
    $error("g2h_wsrc_blockscale: FactorLanes must divide Simd, DigitBits must hold codes and offsets");
  end

  if (FactorWords == 0) begin : g_in_word
    logic unused_addr;
    assign unused_addr = &{1'b0, addr_i};
    assign entries     = word_i[Lanes*CodeBits+:Groups*EntryBits];
  end else begin : g_factor_rom
    g2h_rom #(
      .Width   (Groups * EntryBits),
      .Depth   (FactorWords),
      .AddrBits(FactorAddrBits),
      .File    (FactorFile)
    ) u_factor_rom (
      .clk_i (clk_i),
      .addr_i(FactorAddrBits'(addr_i >> FactorShift)),
      .data_o(entries)
    );
  end

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    localparam int unsigned Low = l / FactorLanes * EntryBits;
    logic [WeightBits-1:0]       factor, even, odd, product_q;
    logic [2*Pairs-1:0]          base, digit;
    logic [Pairs*WeightBits-1:0] pair_q;

    assign factor = WeightBits'(entries[Low+:FactorBits]);
    if (OffsetBits != 0) begin : g_offset
      assign base = (2*Pairs)'(Base) + (2*Pairs)'(entries[Low+FactorBits+:OffsetBits]);
    end else begin : g_base
      assign base = (2*Pairs)'(Base);
    end
    assign digit = base + (2*Pairs)'(word_i[l*CodeBits+:CodeBits]);

    // The last bit of a digit is its sign.
    for (genvar b = 0; b < Pairs; b++) begin : g_pair
      logic [WeightBits-1:0] low, high;
      assign low  = digit[2*b] ? factor : '0;
      assign high = digit[2*b+1] ? factor << 1 : '0;
      always_ff @(posedge clk_i) begin
        pair_q[b*WeightBits+:WeightBits] <= ((b == Pairs - 1) ? low - high : low + high) << (2 * b);
      end
    end

    always_comb begin
      even = '0;
      odd  = '0;
      for (int unsigned b = 0; b < Pairs; b += 2) even = even + pair_q[b*WeightBits+:WeightBits];
      for (int unsigned b = 1; b < Pairs; b += 2) odd = odd + pair_q[b*WeightBits+:WeightBits];
    end

    always_ff @(posedge clk_i) product_q <= even + odd;

    assign weight_o[l*WeightBits+:WeightBits] = product_q;
  end
endmodule
