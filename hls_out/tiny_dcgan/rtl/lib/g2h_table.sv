// g2h_table: a function of the requantized code, one ROM copy per lane.
//
// Equation    lane of data_o = table[code - least code of the index type]
// Memory      2**IndexBits words of OutBits bits.
// Latency     2 clocks.
// Parameters  Signed: of the index code.
module g2h_table #(
  parameter int unsigned Lanes     = 1,
  parameter int unsigned IndexBits = 8,
  parameter bit          Signed    = 1'b1,
  parameter int unsigned OutBits   = 8,
  parameter              File      = ""
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  input  logic                       valid_i,
  input  logic [Lanes*IndexBits-1:0] code_i,
  output logic                       valid_o,
  output logic [Lanes*OutBits-1:0]   data_o
);
  logic [1:0] valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[0], valid_i};
  end

  assign valid_o = valid_q[1];

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    logic [IndexBits-1:0] index;
    assign index = code_i[l*IndexBits+:IndexBits] ^ (IndexBits'(Signed) << (IndexBits - 1));

    g2h_rom #(
      .Width   (OutBits),
      .Depth   (1 << IndexBits),
      .AddrBits(IndexBits),
      .File    (File)
    ) u_rom (
      .clk_i (clk_i),
      .addr_i(index),
      .data_o(data_o[l*OutBits+:OutBits])
    );
  end
endmodule
