// decoder_bench: a decoder of g2h_huffman and g2h_expand, fed with the chunks of Passes passes, alone.
//
// OutFile gets a line for each symbol: the clock in which it leaves, and the symbol.  With Stall both sides pause at random.
module decoder_bench #(
  parameter int unsigned                  MaxLen      = 8,
  parameter int unsigned                  PhraseBits  = 5,
  parameter int unsigned                  SymbolBits  = 4,
  parameter int unsigned                  ZeroBits    = 1,
  parameter int unsigned                  Symbols     = 2,
  parameter int unsigned                  IndexBits   = 1,
  parameter int unsigned                  PassSymbols = 1,
  parameter int unsigned                  PassPhrases = 1,
  parameter int unsigned                  PassChunks  = 1,
  parameter int unsigned                  Passes      = 3,
  parameter logic [SymbolBits-1:0]        Zero        = '0,
  parameter logic [MaxLen*(MaxLen+1)-1:0] Limits      = '0,
  parameter logic [MaxLen*IndexBits-1:0]  Bases       = '0,
  parameter                               File        = "",
  parameter                               ChunkFile   = "",
  parameter                               OutFile     = "",
  parameter bit                           Stall       = 1'b0
) (
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o
);
  logic [15:0]           chunks [0:Passes*PassChunks-1];
  int unsigned           chunk_q, clock_q, count_q;
  int                    file;
  logic                  chunk_ready, phrase_valid, phrase_ready, symbol_valid, gives_q, takes_q;
  logic [PhraseBits-1:0] phrase;
  logic [SymbolBits-1:0] symbol;

  initial begin
    $readmemh(ChunkFile, chunks);
    file = $fopen(OutFile, "w");
  end

  assign done_o = count_q >= Passes * PassSymbols;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      chunk_q <= 0;
      clock_q <= 0;
      count_q <= 0;
      gives_q <= 1'b1;
      takes_q <= 1'b1;
    end else begin
      clock_q <= clock_q + 1;
      if (gives_q && chunk_ready) chunk_q <= (chunk_q == Passes * PassChunks - 1) ? 0 : chunk_q + 1;
      if (!gives_q || chunk_ready) gives_q <= !Stall || $urandom_range(99) < 40;
      takes_q <= !Stall || $urandom_range(99) < 60;
      if (symbol_valid && takes_q && !done_o) begin
        count_q <= count_q + 1;
        $fdisplay(file, "%0d %0d", clock_q, symbol);
        if (count_q == Passes * PassSymbols - 1) $fclose(file);
      end
    end
  end

  g2h_huffman #(
    .MaxLen     (MaxLen),
    .SymbolBits (PhraseBits),
    .Symbols    (Symbols),
    .IndexBits  (IndexBits),
    .PassSymbols(PassPhrases),
    .PassChunks (PassChunks),
    .Limits     (Limits),
    .Bases      (Bases),
    .File       (File)
  ) u_huffman (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_data_i (chunks[chunk_q]),
    .s_valid_i(gives_q),
    .s_ready_o(chunk_ready),
    .m_data_o (phrase),
    .m_valid_o(phrase_valid),
    .m_ready_i(phrase_ready)
  );

  g2h_expand #(
    .SymbolBits (SymbolBits),
    .ZeroBits   (ZeroBits),
    .PassSymbols(PassSymbols),
    .PassPhrases(PassPhrases),
    .Zero       (Zero)
  ) u_expand (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_data_i (phrase),
    .s_valid_i(phrase_valid),
    .s_ready_o(phrase_ready),
    .m_data_o (symbol),
    .m_valid_o(symbol_valid),
    .m_ready_i(takes_q)
  );
endmodule
