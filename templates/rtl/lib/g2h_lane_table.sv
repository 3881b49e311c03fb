// g2h_lane_table: a function of the requantized code that differs from channel to channel, one lane of it.
//
// Equation    data_o = table of the lane's channel in group_i [code - least code of the index type]
// Memory      Groups * 2**IndexBits words of OutBits bits: the tables of the lane's channels, one after the other.
// Latency     2 clocks.
// Parameters  Signed: of the index code; GroupBits holds Groups - 1.
module g2h_lane_table #(
  parameter int unsigned Groups    = 2,
  parameter int unsigned GroupBits = 1,
  parameter int unsigned IndexBits = 8,
  parameter bit          Signed    = 1'b1,
  parameter int unsigned OutBits   = 8,
  parameter              File      = ""
) (
  input  logic                 clk_i,
  input  logic [GroupBits-1:0] group_i,
  input  logic [IndexBits-1:0] code_i,
  output logic [OutBits-1:0]   data_o
);
  localparam int unsigned AddrBits = (Groups > 1) ? GroupBits + IndexBits : IndexBits;
  logic [IndexBits-1:0] index;
  logic [AddrBits-1:0]  address;
  assign index = code_i ^ (IndexBits'(Signed) << (IndexBits - 1));

  if (Groups > 1) begin : g_groups
    assign address = {group_i, index};
  end else begin : g_one
    logic unused_group;
    assign unused_group = &{1'b0, group_i};
    assign address      = index;
  end

  g2h_rom #(
    .Width   (OutBits),
    .Depth   (Groups << IndexBits),
    .AddrBits(AddrBits),
    .File    (File)
  ) u_rom (
    .clk_i (clk_i),
    .addr_i(address),
    .data_o(data_o)
  );
endmodule
