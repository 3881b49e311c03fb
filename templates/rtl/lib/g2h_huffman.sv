// g2h_huffman: decoder of a canonical prefix code, a symbol a clock.
//
// Equation    the next MaxLen bits of the stream, the first one most significant, are p.  The length of the next code is
//             the least n with p < Limits[n]; its symbol is word (p >> (MaxLen - n)) + Bases[n] of File.
//             A pass has PassSymbols symbols in PassChunks chunks; what is left of its last chunks is dropped.
// Memory      Symbols words of SymbolBits bits, by length of code and then by symbol.
// Latency     a symbol is offered 5 clocks after its bits are there, earliest.  One symbol a clock whatever its length, as
//             long as chunks come: the buffer of ChunkBits + 2 * MaxLen bits takes a chunk unless it has 2 * MaxLen bits.
//             Between two passes 2 clocks, and one for each chunk that is dropped.
// Handshake   s_ready_o depends on registers alone, m_valid_o is a register.
// Parameters  Limits[n] is the first prefix beyond all codes of n bits and fewer; IndexBits holds Symbols - 1.  Limits has
//             words of MaxLen + 1 bits and Bases of IndexBits bits, those of n = 1 least.
module g2h_huffman #(
  parameter int unsigned                  ChunkBits   = 16,
  parameter int unsigned                  MaxLen      = 8,
  parameter int unsigned                  SymbolBits  = 4,
  parameter int unsigned                  Symbols     = 2,
  parameter int unsigned                  IndexBits   = 1,
  parameter int unsigned                  PassSymbols = 1,
  parameter int unsigned                  PassChunks  = 1,
  parameter logic [MaxLen*(MaxLen+1)-1:0] Limits      = '0,
  parameter logic [MaxLen*IndexBits-1:0]  Bases       = '0,
  parameter                               File        = ""
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic [ChunkBits-1:0]  s_data_i,
  input  logic                  s_valid_i,
  output logic                  s_ready_o,
  output logic [SymbolBits-1:0] m_data_o,
  output logic                  m_valid_o,
  input  logic                  m_ready_i
);
  localparam int unsigned BufferBits = ChunkBits + 2 * MaxLen;
  localparam int unsigned CountBits  = $clog2(BufferBits + 1);
  localparam int unsigned SymbolPtr  = (PassSymbols > 1) ? $clog2(PassSymbols) : 1;
  localparam int unsigned ChunkPtr   = $clog2(PassChunks + 1);
  localparam int unsigned OutDepth   = 8;

  logic [BufferBits-1:0] buffer_q, filled;
  logic [CountBits-1:0]  count_q, length;
  logic [SymbolPtr-1:0]  symbol_q;
  logic [ChunkPtr-1:0]   left_q;             // chunks of the pass that are still to come
  logic                  more_q, drop_q;
  logic                  take, fire, last, room, out_freed;
  logic [MaxLen-1:0]     prefix, is_length;
  logic [MaxLen-2:0]     below;  // whether the code has b + 1 bits or fewer

  assign s_ready_o = more_q && (drop_q || count_q <= CountBits'(2 * MaxLen));
  assign take      = s_valid_i && s_ready_o;
  assign fire      = !drop_q && room && (count_q >= CountBits'(MaxLen) || !more_q);
  assign last      = symbol_q == SymbolPtr'(PassSymbols - 1);
  assign filled    = take ? buffer_q | (BufferBits'(s_data_i) << count_q) : buffer_q;

  for (genvar b = 0; b < MaxLen; b++) begin : g_prefix
    assign prefix[MaxLen-1-b] = buffer_q[b];
    if (b == MaxLen - 1) begin : g_longest
      assign is_length[b] = !below[b-1];
    end else begin : g_shorter
      localparam logic [MaxLen:0] Limit = Limits[b*(MaxLen+1)+:MaxLen+1];
      if (Limit == '0) begin : g_none
        assign below[b] = 1'b0;
      end else if (Limit[MaxLen]) begin : g_all
        assign below[b] = 1'b1;
      end else begin : g_some
        assign below[b] = prefix < Limit[MaxLen-1:0];
      end
      if (b == 0) begin : g_first
        assign is_length[b] = below[b];
      end else begin : g_next
        assign is_length[b] = below[b] && !below[b-1];
      end
    end
  end

  logic [BufferBits-1:0] shifted;
  always_comb begin
    shifted = '0;
    length  = '0;
    for (int unsigned b = 0; b < MaxLen; b++) begin
      if (is_length[b]) begin
        shifted = shifted | (filled >> (b + 1));
        length  = length | CountBits'(b + 1);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q  <= '0;
      symbol_q <= '0;
      left_q   <= ChunkPtr'(PassChunks);
      more_q   <= 1'b1;
      drop_q   <= 1'b0;
    end else begin
      if (drop_q) begin
        count_q <= '0;
        if (!more_q) drop_q <= 1'b0;
      end else begin
        count_q <= count_q + (take ? CountBits'(ChunkBits) : '0) - (fire ? length : '0);
        if (fire) begin
          symbol_q <= last ? '0 : symbol_q + SymbolPtr'(1);
          drop_q   <= last;
        end
      end
      if (drop_q && !more_q) begin
        left_q <= ChunkPtr'(PassChunks);
        more_q <= 1'b1;
      end else if (take) begin
        left_q <= left_q - ChunkPtr'(1);
        more_q <= left_q != ChunkPtr'(1);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || drop_q) buffer_q <= '0;
    else buffer_q <= fire ? shifted : filled;
  end

  // The symbol, behind the loop of lengths: its place, then the memory.
  logic [MaxLen-1:0]    prefix_q, is_length_q;
  logic [IndexBits-1:0] place, place_q;
  logic                 fire_q, place_valid_q, latch_valid_q, symbol_valid_q;
  logic [SymbolBits-1:0] symbol;

  always_comb begin
    place = '0;
    for (int unsigned b = 0; b < MaxLen; b++) begin
      if (is_length_q[b]) place = place | (IndexBits'(prefix_q >> (MaxLen - 1 - b)) + Bases[b*IndexBits+:IndexBits]);
    end
  end

  always_ff @(posedge clk_i) begin
    prefix_q    <= prefix;
    is_length_q <= is_length;
    place_q     <= place;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fire_q         <= 1'b0;
      place_valid_q  <= 1'b0;
      latch_valid_q  <= 1'b0;
      symbol_valid_q <= 1'b0;
    end else begin
      fire_q         <= fire;
      place_valid_q  <= fire_q;
      latch_valid_q  <= place_valid_q;
      symbol_valid_q <= latch_valid_q;
    end
  end

  g2h_rom #(
    .Width   (SymbolBits),
    .Depth   (Symbols),
    .AddrBits(IndexBits),
    .File    (File)
  ) u_symbols (
    .clk_i (clk_i),
    .addr_i(place_q),
    .data_o(symbol)
  );

  g2h_credit #(
    .Depth(OutDepth)
  ) u_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (fire),
    .give_i (out_freed),
    .avail_o(room)
  );

  g2h_fifo #(
    .Width(SymbolBits),
    .Ratio(1),
    .Depth(OutDepth)
  ) u_out (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (symbol_valid_q),
    .data_i (symbol),
    .freed_o(out_freed),
    .data_o (m_data_o),
    .valid_o(m_valid_o),
    .ready_i(m_ready_i)
  );
endmodule
