// g2h_tiles: two tiles of weight words, one that is read while the next one arrives.
//
// Equation    tile n of all time stands in slot n mod 2; data_o is the word at addr_i.
// Memory      2 * TileWords words of Width bits, one write and one read port, read registered twice (block RAM with its
//             output register, or with Ultra UltraRAM).
// Latency     addr_i in clock t: data_o in clock t + 2.  A tile's last word accepted in clock t: avail_o in clock t + 1.
//             full_o is high while both tiles are there and neither is read.  release_i in clock t: s_ready_o can rise in
//             clock t + 1.
// Handshake   stream in with registered ready.  take_i only while avail_o, when the reader begins with a tile;
//             release_i with the last address that it reads there.
// Parameters  AddrBits holds 2 * TileWords - 1.
module g2h_tiles #(
  parameter int unsigned Width     = 8,
  parameter int unsigned TileWords = 2,
  parameter int unsigned AddrBits  = 2,
  parameter bit          Ultra     = 1'b0
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic [Width-1:0]    s_data_i,
  input  logic                s_valid_i,
  output logic                s_ready_o,
  output logic                avail_o,
  output logic                full_o,
  input  logic                take_i,
  input  logic                release_i,
  input  logic [AddrBits-1:0] addr_i,
  output logic [Width-1:0]    data_o
);
  logic                write, tile_done;
  logic [AddrBits-1:0] write_addr;
  logic [1:0]          count_q;

  g2h_loader #(
    .Rows    (2),
    .RowWords(TileWords),
    .AddrBits(AddrBits),
    .FreeBits(2)
  ) u_loader (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .primed_i  (1'b1),
    .s_valid_i (s_valid_i),
    .s_ready_o (s_ready_o),
    .release_i ({1'b0, release_i}),
    .write_o   (write),
    .addr_o    (write_addr),
    .row_done_o(tile_done)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_q <= '0;
    else count_q <= count_q + 2'(tile_done) - 2'(take_i);
  end

  assign avail_o = count_q != '0;
  assign full_o  = count_q[1];

  g2h_line_buffer #(
    .Width   (Width),
    .Depth   (2 * TileWords),
    .AddrBits(AddrBits),
    .Ultra   (Ultra)
  ) u_memory (
    .clk_i       (clk_i),
    .write_i     (write),
    .write_addr_i(write_addr),
    .write_data_i(s_data_i),
    .read_addr_i (addr_i),
    .read_data_o (data_o)
  );
endmodule
