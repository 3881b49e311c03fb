// g2h_ultra: memory with one write and one read port in UltraRAM.
//
// Equation    data_o one clock after read_i is the word last written at read_addr_i in an earlier clock; it stays while
//             read_i is low.
// Memory      rows in slices of 4096, as the 12 address bits of an UltraRAM have, each of ceil(Width / 72) of them side by
//             side.  Where one slice does not hold Depth words, 2, 4 or 8 of them share a row, if as many fit into its 8
//             bytes of 9 bits, which are written one by one.  A multiplexer selects slice and word.  So each tool needs as
//             many UltraRAMs.
// Latency     1 clock.  A register behind data_o is that of the UltraRAM's output where nothing is selected.
// Invariant   a word that is used was not read in the clock in which its address was written, when what comes depends on
//             which port is which, nor before it was ever written: an UltraRAM cannot start with contents.  Where traces
//             are written, both give ones.
// Parameters  Depth >= 1; AddrBits holds Depth - 1.
module g2h_ultra #(
  parameter int unsigned Width    = 72,
  parameter int unsigned Depth    = 4096,
  parameter int unsigned AddrBits = 12
) (
  input  logic                clk_i,
  input  logic                write_i,
  input  logic [AddrBits-1:0] write_addr_i,
  input  logic [Width-1:0]    write_data_i,
  input  logic                read_i,
  input  logic [AddrBits-1:0] read_addr_i,
  output logic [Width-1:0]    data_o
);
  localparam int unsigned RowBits  = 12;
  localparam int unsigned Most     = 1 << RowBits;
  localparam int unsigned Pack     = (Depth <= Most || Width > 36) ? 1 : (Width > 18) ? 2 : (Width > 9) ? 4 : 8;
  localparam int unsigned PackBits = $clog2(Pack);
  localparam int unsigned Rows     = (Depth + Pack - 1) / Pack;
  localparam int unsigned Slices   = (Rows + Most - 1) / Most;
  localparam int unsigned Choices  = Slices * Pack;

  logic [31:0]                   write_at, read_at;
  logic [Choices-1:0][Width-1:0] words;
  logic                          unused_bits;

  assign write_at    = 32'(write_addr_i);
  assign read_at     = 32'(read_addr_i);
  assign unused_bits = &{1'b0, write_at, read_at};

  for (genvar s = 0; s < Slices; s++) begin : g_slice
    localparam int unsigned SliceRows = (s < Slices - 1) ? Most : Rows - s * Most;
    localparam int unsigned IndexBits = (SliceRows > 1) ? $clog2(SliceRows) : 1;
    localparam int unsigned RowWidth  = (Pack > 1) ? 72 : Width;

    (* ram_style = "ultra" *)
    logic [RowWidth-1:0]  mem [0:SliceRows-1];
    logic [RowWidth-1:0]  row_q;
    logic [IndexBits-1:0] write_row, read_row;
    logic                 write;

    assign write     = write_i && (Slices == 1 || (write_at >> (RowBits + PackBits)) == s);
    assign write_row = write_at[PackBits+:IndexBits];
    assign read_row  = read_at[PackBits+:IndexBits];

    if (Pack == 1) begin : g_word
      always_ff @(posedge clk_i) begin
        if (write) mem[write_row] <= write_data_i;
      end

      assign words[s] = row_q;
    end else begin : g_bytes
      localparam int unsigned Place = RowWidth / Pack;

      logic [RowWidth-1:0] row;
      logic                unused;

      assign row    = {Pack{Place'(write_data_i)}};
      assign unused = &{1'b0, row_q};

      always_ff @(posedge clk_i) begin
        for (int unsigned b = 0; b < 8; b++) begin
          if (write && write_at[PackBits-1:0] == PackBits'(9 * b / Place)) mem[write_row][9*b+:9] <= row[9*b+:9];
        end
      end

      for (genvar w = 0; w < Pack; w++) begin : g_read
        assign words[s*Pack+w] = row_q[w*Place+:Width];
      end
    end

`ifdef GAN2HLS_TRACE
    initial begin
      for (int unsigned n = 0; n < SliceRows; n++) mem[n] = '1;
    end

    always_ff @(posedge clk_i) begin
      if (read_i) row_q <= (write && write_at == read_at) ? '1 : mem[read_row];
    end
`else
    always_ff @(posedge clk_i) begin
      if (read_i) row_q <= mem[read_row];
    end
`endif
  end

  if (Choices == 1) begin : g_one
    assign data_o = words;
  end else begin : g_several
    localparam int unsigned ChoiceBits = $clog2(Choices);

    logic [ChoiceBits-1:0] choice_d, choice_q;

    assign choice_d = ChoiceBits'((read_at >> (RowBits + PackBits)) * Pack + read_at % Pack);

    always_ff @(posedge clk_i) begin
      if (read_i) choice_q <= choice_d;
    end

    assign data_o = words[choice_q];
  end
endmodule
