// g2h_line_buffer: memory with one write and one read port.
//
// Equation    read_data_o two clocks after read_addr_i is the word last written there in an earlier clock.
// Memory      Depth words of Width bits; maps to block RAM with its output register, or to distributed RAM when small;
//             with Ultra to UltraRAM (g2h_ultra).
// Latency     2 clocks.  The feeder never reads an address in the clock in which it is written.
// Parameters  Depth >= 1; AddrBits holds Depth - 1.
module g2h_line_buffer #(
  parameter int unsigned Width    = 8,
  parameter int unsigned Depth    = 2,
  parameter int unsigned AddrBits = 1,
  parameter bit          Ultra    = 1'b0
) (
  input  logic                clk_i,
  input  logic                write_i,
  input  logic [AddrBits-1:0] write_addr_i,
  input  logic [Width-1:0]    write_data_i,
  input  logic [AddrBits-1:0] read_addr_i,
  output logic [Width-1:0]    read_data_o
);
  logic [Width-1:0] latch_q, out_q;

  if (Ultra) begin : g_ultra
    g2h_ultra #(
      .Width   (Width),
      .Depth   (Depth),
      .AddrBits(AddrBits)
    ) u_ultra (
      .clk_i       (clk_i),
      .write_i     (write_i),
      .write_addr_i(write_addr_i),
      .write_data_i(write_data_i),
      .read_i      (1'b1),
      .read_addr_i (read_addr_i),
      .data_o      (latch_q)
    );
  end else begin : g_ram
    logic [Width-1:0] mem [0:Depth-1];

    always_ff @(posedge clk_i) begin
      if (write_i) mem[write_addr_i] <= write_data_i;
    end

    always_ff @(posedge clk_i) latch_q <= mem[read_addr_i];
  end

  always_ff @(posedge clk_i) out_q <= latch_q;

  assign read_data_o = out_q;
endmodule
