// g2h_rom: read-only memory from a $readmemh file.
//
// Equation    data_o two clocks after addr_i is word addr_i of File.
// Memory      Depth words of Width bits; up to 64 words in logic (a LUT a bit), more in block RAM with its output
//             register.
// Latency     2 clocks.
// Parameters  Depth >= 1; AddrBits holds Depth - 1; File empty only when the module is read without an instance.
module g2h_rom #(
  parameter int unsigned Width    = 8,
  parameter int unsigned Depth    = 2,
  parameter int unsigned AddrBits = 1,
  parameter              File     = ""
) (
  input  logic                clk_i,
  input  logic [AddrBits-1:0] addr_i,
  output logic [Width-1:0]    data_o
);
  logic [Width-1:0] latch_q, out_q;

  if (Depth > 64) begin : g_block
    (* rom_style = "block" *) logic [Width-1:0] mem [0:Depth-1];
    if (File != "") begin : g_init
      initial $readmemh(File, mem);
    end
    always_ff @(posedge clk_i) latch_q <= mem[addr_i];
  end else begin : g_logic
    logic [Width-1:0] mem [0:Depth-1];
    if (File != "") begin : g_init
      initial $readmemh(File, mem);
    end
    always_ff @(posedge clk_i) latch_q <= mem[addr_i];
  end

  always_ff @(posedge clk_i) out_q <= latch_q;

  assign data_o = out_q;
endmodule
