// g2h_tile_address: where a block of weights stands in the memory that g2h_tile_ring fills with one tile after the other.
//
// Equation    addr_o = (base + block_i - start) mod Held, base and start being where the tile in use begins in that memory
//             and among the blocks of a pass.  With last_i, the tile's last block, base moves on by its words, modulo
//             Held, and start by as many, or to 0 behind the last tile of a pass.
// Memory      tile_rom[Tiles]: words of each tile of a pass; absent with one tile.
// Latency     2 clocks: sum, wrap.  release_o, the words of a tile, comes with the address of its last block.
// Parameters  Held, Tiles >= 1; a tile has at most Held words, FirstWords the first one; WAddrBits holds Held - 1,
//             WordsBits the words of a tile.
module g2h_tile_address #(
  parameter int unsigned Held       = 1,
  parameter int unsigned Tiles      = 1,
  parameter int unsigned WAddrBits  = 1,
  parameter int unsigned BlockBits  = 1,
  parameter int unsigned WordsBits  = 1,
  parameter int unsigned FirstWords = 1,
  parameter              TileFile   = ""
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic [BlockBits-1:0] block_i,
  input  logic                 last_i,
  output logic [WAddrBits-1:0] addr_o,
  output logic [WordsBits-1:0] release_o
);
  localparam int unsigned SumBits = WAddrBits + 1;  // sums are less than 2 * Held

  // Invariant: base_q is where the tile in use begins in the memory, offset_q = base_q - start modulo 2**SumBits.
  logic [SumBits-1:0]   next, wrapped, base_q, offset_q, sum_q;
  logic [WAddrBits-1:0] addr_q;
  logic [WordsBits-1:0] words, release_q1, release_q2;
  logic                 wraps, pass_last;

  if (Tiles == 1) begin : g_single
    assign words     = WordsBits'(FirstWords);
    assign pass_last = 1'b1;
  end else begin : g_many
    localparam int unsigned PtrBits = $clog2(Tiles);
    logic [WordsBits-1:0] tile_rom [0:Tiles-1];
    logic [WordsBits-1:0] words_q;
    logic [PtrBits-1:0]   next_q;
    logic                 pass_last_q;

    if (TileFile != "") begin : g_init
      initial $readmemh(TileFile, tile_rom);
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        words_q     <= WordsBits'(FirstWords);
        next_q      <= PtrBits'(1);
        pass_last_q <= 1'b0;
      end else if (last_i) begin
        words_q     <= tile_rom[next_q];
        next_q      <= (next_q == PtrBits'(Tiles - 1)) ? '0 : next_q + PtrBits'(1);
        pass_last_q <= next_q == PtrBits'(Tiles - 1);
      end
    end

    assign words     = words_q;
    assign pass_last = pass_last_q;
  end

  if (BlockBits > SumBits) begin : g_high_bits  // sums are modulo 2**SumBits
    logic unused_high;
    assign unused_high = &{1'b0, block_i[BlockBits-1:SumBits]};
  end

  assign next    = base_q + SumBits'(words);
  assign wraps   = next >= SumBits'(Held);
  assign wrapped = wraps ? next - SumBits'(Held) : next;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      base_q     <= '0;
      offset_q   <= '0;
      release_q1 <= '0;
      release_q2 <= '0;
    end else begin
      release_q1 <= last_i ? words : '0;
      release_q2 <= release_q1;
      if (last_i) begin
        base_q <= wrapped;
        if (pass_last) offset_q <= wrapped;
        else if (wraps) offset_q <= offset_q - SumBits'(Held);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    sum_q  <= SumBits'(block_i) + offset_q;
    addr_q <= (sum_q >= SumBits'(Held)) ? WAddrBits'(sum_q - SumBits'(Held)) : sum_q[WAddrBits-1:0];
  end

  assign addr_o    = addr_q;
  assign release_o = release_q2;
endmodule
