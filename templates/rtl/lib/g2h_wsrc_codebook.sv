// g2h_wsrc_codebook: weight source of the codec "codebook", an index a weight and tables of centroids at the lanes.
//
// Equation    lane p * Simd + s of weight_o = entry word_i[p * Simd + s] of table p * Tables / Pe.
// Memory      word_i, word addr_i of the memory of codes, holds the indices of one block, lane 0 in the least significant bits.  A word of
//             CentroidFile holds Tables * Centroids signed numbers of CentroidBits bits, table 0 and its entry 0 in
//             the least significant bits; word co_i of it, or its only one, belongs to the block.
// Latency     word_i comes 2 clocks after addr_i and co_i, as weight_o; then a multiplexer of Centroids entries.
// Parameters  TableWords is 1 or CoFolds; Centroids <= 2**IndexBits; CentroidBits <= WeightBits.
module g2h_wsrc_codebook #(
  parameter int unsigned Lanes        = 1,
  parameter int unsigned Pe           = 1,
  parameter int unsigned Simd         = 1,
  parameter int unsigned WeightBits   = 8,
  parameter int unsigned WordBits     = 4,
  parameter int unsigned AddrBits     = 1,
  parameter int unsigned CoFolds      = 1,
  parameter int unsigned CoBits       = 1,
  parameter int unsigned IndexBits    = 4,
  parameter int unsigned Centroids    = 16,
  parameter int unsigned CentroidBits = 8,
  parameter int unsigned Tables       = 1,
  parameter int unsigned TableWords   = 1,
  parameter              CentroidFile = ""
) (
  input  logic                        clk_i,
  input  logic [AddrBits-1:0]         addr_i,
  input  logic [CoBits-1:0]           co_i,
  input  logic [WordBits-1:0]         word_i,
  output logic [Lanes*WeightBits-1:0] weight_o
);
  localparam int unsigned Entries   = 1 << IndexBits;
  localparam int unsigned TableBits = (TableWords == 1) ? 1 : CoBits;

  logic [TableBits-1:0]                     table_addr;
  logic [Tables*Centroids*CentroidBits-1:0] centroid;

  if (Lanes != Pe * Simd || WordBits != Lanes * IndexBits || (1 << CoBits) < CoFolds) begin : g_check_lanes
    $error("g2h_wsrc_codebook: Lanes must be Pe * Simd, WordBits a word of codes, CoBits must hold CoFolds - 1");
  end
  if (Centroids > Entries || CentroidBits > WeightBits || (TableWords != 1 && TableWords != CoFolds)) begin : g_check_tables
    $error("g2h_wsrc_codebook: Centroids, CentroidBits or TableWords do not fit");
  end

  logic unused_addr;
  assign unused_addr = &{1'b0, addr_i};

  if (TableWords == 1) begin : g_one_word
    logic unused_fold;
    assign unused_fold = &{1'b0, co_i};
    assign table_addr  = '0;
  end else begin : g_word_of_fold
    assign table_addr = co_i;
  end

  g2h_rom #(
    .Width   (Tables * Centroids * CentroidBits),
    .Depth   (TableWords),
    .AddrBits(TableBits),
    .File    (CentroidFile)
  ) u_centroid_rom (
    .clk_i (clk_i),
    .addr_i(table_addr),
    .data_o(centroid)
  );

  // Bit b of all entries of table t, so that a lane's bit is a selection of one bit.
  logic [Tables*CentroidBits*Entries-1:0] column;
  for (genvar t = 0; t < Tables; t++) begin : g_table
    for (genvar b = 0; b < CentroidBits; b++) begin : g_bit
      for (genvar k = 0; k < Entries; k++) begin : g_entry
        if (k < Centroids) begin : g_used
          assign column[(t*CentroidBits+b)*Entries+k] = centroid[(t*Centroids+k)*CentroidBits+b];
        end else begin : g_unused
          assign column[(t*CentroidBits+b)*Entries+k] = 1'b0;
        end
      end
    end
  end

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    localparam int unsigned Table = l / Simd * Tables / Pe;
    logic [IndexBits-1:0]           at;
    logic signed [CentroidBits-1:0] entry;
    assign at = word_i[l*IndexBits+:IndexBits];
    for (genvar b = 0; b < CentroidBits; b++) begin : g_bit
      logic [Entries-1:0] choices;
      assign choices  = column[(Table*CentroidBits+b)*Entries+:Entries];
      assign entry[b] = choices[at];
    end
    assign weight_o[l*WeightBits+:WeightBits] = WeightBits'(entry);
  end
endmodule
