// g2h_tile_ring: tiles of weight words of any size, which arrive one after the other; one is read while the next arrives.
//
// Equation    word n of all time goes to address n mod Held; data_o is the word at addr_i.
// Memory      Held words of Width bits, one write and one read port, read registered twice (block RAM with its output
//             register, or with Ultra UltraRAM); need_rom[Tiles] of g2h_row_grant: words of a pass that are there when
//             each tile is complete.
// Latency     addr_i in clock t: data_o in clock t + 2.  A tile's last word accepted in clock t: avail_o in clock t + 2 at
//             the earliest; a tile without words is there when those before it are.  release_i in clock t: s_ready_o
//             can rise in clock t + 1.  full_o rises in the clock after Held words have come, until reset.
// Handshake   stream in with registered ready.  take_i only while avail_o, when the reader begins with a tile;
//             release_i, the tile's words, with the last address that it reads there.
// Parameters  PassWords are those of all tiles of a pass; Held holds any two neighbours; WAddrBits holds Held - 1, WordsBits
//             Held; LoadedBits (signed) PassWords + Held; FirstNeed, NeedFile: see g2h_row_grant.
module g2h_tile_ring #(
  parameter int unsigned Width      = 8,
  parameter int unsigned Held       = 1,
  parameter int unsigned Tiles      = 1,
  parameter int unsigned PassWords  = 1,
  parameter int unsigned WAddrBits  = 1,
  parameter int unsigned WordsBits  = 1,
  parameter int unsigned LoadedBits = 3,
  parameter int unsigned FirstNeed  = 1,
  parameter              NeedFile   = "",
  parameter bit          Ultra      = 1'b0
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic [Width-1:0]     s_data_i,
  input  logic                 s_valid_i,
  output logic                 s_ready_o,
  output logic                 avail_o,
  output logic                 full_o,
  input  logic                 take_i,
  input  logic [WordsBits-1:0] release_i,
  input  logic [WAddrBits-1:0] addr_i,
  output logic [Width-1:0]     data_o
);
  logic                 write, word_done, full_q;
  logic [WAddrBits-1:0] write_addr;

  assign full_o = full_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) full_q <= 1'b0;
    else         full_q <= full_q | (write && write_addr == WAddrBits'(Held - 1));
  end

  g2h_loader #(
    .Rows    (Held),
    .RowWords(1),
    .AddrBits(WAddrBits),
    .FreeBits(WordsBits)
  ) u_loader (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .primed_i  (1'b1),
    .s_valid_i (s_valid_i),
    .s_ready_o (s_ready_o),
    .release_i (release_i),
    .write_o   (write),
    .addr_o    (write_addr),
    .row_done_o(word_done)
  );

  g2h_row_grant #(
    .InRows    (PassWords),
    .OutRows   (Tiles),
    .LoadedBits(LoadedBits),
    .FirstNeed (FirstNeed),
    .NeedFile  (NeedFile)
  ) u_grant (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .row_done_i(word_done),
    .take_i    (take_i),
    .avail_o   (avail_o)
  );

  g2h_line_buffer #(
    .Width   (Width),
    .Depth   (Held),
    .AddrBits(WAddrBits),
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
