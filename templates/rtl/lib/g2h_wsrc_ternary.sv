// g2h_wsrc_ternary: weight source of the codec "ternary", weights -1, 0 and +1.
//
// Equation    Dense 0: lane l of weight_o = two's complement field of 2 bits at lane l.
//             Dense 1: lane 5 * g + n = trit n of group g; a group's code is sum over n of (trit[n] + 1) * 3**n.
// Memory      word_i, word addr_i of the memory of codes, holds one block, Lanes = Pe * Simd weights, lane 0 in the least significant bits.  Dense 1:
//             Lanes / 5 bytes, then what is left of the lanes, 1 to 4 trits in 2, 4, 5 or 7 bits.
// Latency     word_i comes 2 clocks after addr_i, as weight_o; the decoder is a constant function of a group's 8 bits.
// Parameters  WeightBits is 2.
module g2h_wsrc_ternary #(
  parameter int unsigned Lanes      = 1,
  parameter int unsigned Pe         = 1,
  parameter int unsigned Simd       = 1,
  parameter int unsigned WeightBits = 2,
  parameter int unsigned WordBits   = 2,
  parameter int unsigned AddrBits   = 1,
  parameter int unsigned CoFolds    = 1,
  parameter int unsigned CoBits     = 1,
  parameter int unsigned Dense      = 0
) (
  input  logic                        clk_i,
  input  logic [AddrBits-1:0]         addr_i,
  input  logic [CoBits-1:0]           co_i,
  input  logic [WordBits-1:0]         word_i,
  output logic [Lanes*WeightBits-1:0] weight_o
);
  localparam int unsigned Rest     = Lanes % 5;
  localparam int unsigned RestBits = (Rest == 0) ? 0 : (Rest == 1) ? 2 : (Rest == 2) ? 4 : (Rest == 3) ? 5 : 7;
  localparam int unsigned Width    = (Dense != 0) ? Lanes / 5 * 8 + RestBits : Lanes * 2;

  logic unused_inputs;

  assign unused_inputs = &{1'b0, clk_i, addr_i, co_i};

  if (Lanes != Pe * Simd || WordBits != Width || (1 << CoBits) < CoFolds) begin : g_check_lanes
    $error("g2h_wsrc_ternary: Lanes must be Pe * Simd, WordBits a word of codes, CoBits must hold CoFolds - 1");
  end
  if (WeightBits != 2) begin : g_check_bits
    $error("g2h_wsrc_ternary: WeightBits must be 2");
  end

  // Bit `sign` (else: bit 0) of the trit with weight `power`, for every code.
  function automatic logic [255:0] trit_table(input int unsigned power, input logic sign);
    for (int unsigned code = 0; code < 256; code++) begin
      trit_table[code] = sign ? (code / power) % 3 == 0 : (code / power) % 3 != 1;
    end
  endfunction

  if (Dense != 0) begin : g_dense
    for (genvar l = 0; l < Lanes; l++) begin : g_lane
      localparam int unsigned  Group = l / 5;
      localparam int unsigned  Bits  = (Group == Lanes / 5) ? RestBits : 8;
      localparam logic [255:0] Odd   = trit_table(3 ** (l % 5), 1'b0);
      localparam logic [255:0] Sign  = trit_table(3 ** (l % 5), 1'b1);
      logic [7:0] code;
      assign code             = 8'(word_i[8*Group+:Bits]);
      assign weight_o[2*l+:2] = {Sign[code], Odd[code]};
    end
  end else begin : g_plain
    assign weight_o = word_i;
  end
endmodule
