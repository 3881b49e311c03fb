// g2h_rearrange: holds a map until all of it is there, then gives it in another order, some of its elements as zeros.
//
// Equation    lane of acc_o = code - ZeroPoint of word rows[y] + columns[x] + words[n] of the map, for each row y, column x
//             and word n of a column; 0 where bit PlaceBits of one of the three entries is set.
// Memory      Banks banks of InBeats words, one write and one read port, read registered twice (block RAM with its output
//             register, or with Ultra UltraRAM); a queue of 8 words in distributed RAM behind it.
// Latency     the last word of a map in clock t: the first one is read in clock t + 2 and offered in clock t + 7.
// Handshake   s_ready_o and valid_o are registers.  A map is taken while a bank is free, which it is two clocks after its
//             last word was read.
// Parameters  Banks is 1 or 2; PlaceBits holds InBeats - 1; an entry has PlaceBits + 1 bits.
module g2h_rearrange #(
  parameter int unsigned Lanes       = 1,
  parameter int unsigned InBits      = 8,
  parameter bit          Signed      = 1'b1,
  parameter int          ZeroPoint   = 0,
  parameter int unsigned AccBits     = 9,
  parameter int unsigned InBeats     = 2,
  parameter int unsigned Banks       = 1,
  parameter bit          Ultra       = 1'b0,
  parameter int unsigned Rows        = 2,
  parameter int unsigned Columns     = 1,
  parameter int unsigned ColumnWords = 1,
  parameter int unsigned PlaceBits   = 1,
  parameter              RowsFile    = "",
  parameter              ColumnsFile = "",
  parameter              WordsFile   = ""
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [Lanes*InBits-1:0]  s_data_i,
  input  logic                     s_valid_i,
  output logic                     s_ready_o,
  output logic [Lanes*AccBits-1:0] acc_o,
  output logic                     valid_o,
  input  logic                     ready_i
);
  localparam int unsigned Words    = Banks * InBeats;
  localparam int unsigned AddrBits = Words > 1 ? $clog2(Words) : 1;
  localparam int unsigned OutDepth = 8;

  logic [AddrBits-1:0]      write_q, bank, read_addr_q;
  logic [PlaceBits:0]       row, column, word;     // what each adds to the place, and whether it is zeros
  logic [1:0]               count_d, count_q;      // maps that may be read from the next clock on
  logic [2:0]               read_q, zero_q;        // one clock after the other
  logic                     take, map_last, map_done, map_done_q, some_q, room, out_freed;
  logic                     read, word_last, column_last, row_last, row_done, read_last, freed_q;
  logic [Lanes*InBits-1:0]  codes;
  logic [Lanes*AccBits-1:0] centred, masked;

  // Writing: words as they come, the banks in turn.
  assign take     = s_valid_i && s_ready_o;
  assign map_done = take && map_last;

  g2h_credit #(
    .Depth(Banks)
  ) u_banks (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (map_done),
    .give_i (freed_q),
    .avail_o(s_ready_o)
  );

  g2h_count #(
    .Count(InBeats)
  ) u_map (
    .clk_i (clk_i),
    .rst_ni(rst_ni),
    .step_i(take),
    .last_o(map_last)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) write_q <= '0;
    else if (take) write_q <= write_q == AddrBits'(Words - 1) ? '0 : write_q + AddrBits'(1);
  end

  // Reading: word by word of a column, then column by column, then row by row.
  assign read      = some_q && room;
  assign row_done  = read && word_last && column_last;
  assign read_last = row_done && row_last;
  assign count_d   = count_q + 2'(map_done_q) - 2'(read_last);

  g2h_place #(
    .Count(ColumnWords),
    .Width(PlaceBits + 1),
    .File (WordsFile)
  ) u_word (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .step_i (read),
    .last_o (word_last),
    .place_o(word)
  );

  g2h_place #(
    .Count(Columns),
    .Width(PlaceBits + 1),
    .File (ColumnsFile)
  ) u_column (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .step_i (read && word_last),
    .last_o (column_last),
    .place_o(column)
  );

  g2h_place #(
    .Count(Rows),
    .Width(PlaceBits + 1),
    .File (RowsFile)
  ) u_row (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .step_i (row_done),
    .last_o (row_last),
    .place_o(row)
  );

  if (Banks > 1) begin : g_banks
    logic upper_q;
    assign bank = upper_q ? AddrBits'(InBeats) : '0;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) upper_q <= 1'b0;
      else if (read_last) upper_q <= !upper_q;
    end
  end else begin : g_bank
    assign bank = '0;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      map_done_q <= 1'b0;
      count_q    <= '0;
      some_q     <= 1'b0;
      read_q     <= '0;
      freed_q    <= 1'b0;
    end else begin
      map_done_q <= map_done;
      count_q    <= count_d;
      some_q     <= count_d != '0;
      read_q     <= {read_q[1:0], read};
      freed_q    <= read_last;
    end
  end

  always_ff @(posedge clk_i) begin
    read_addr_q <= bank + AddrBits'(row[PlaceBits-1:0]) + AddrBits'(column[PlaceBits-1:0]) + AddrBits'(word[PlaceBits-1:0]);
    zero_q  <= {zero_q[1:0], row[PlaceBits] | column[PlaceBits] | word[PlaceBits]};
  end

  g2h_credit #(
    .Depth(OutDepth)
  ) u_out_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (read),
    .give_i (out_freed),
    .avail_o(room)
  );

  g2h_line_buffer #(
    .Width   (Lanes * InBits),
    .Depth   (Words),
    .AddrBits(AddrBits),
    .Ultra   (Ultra)
  ) u_memory (
    .clk_i       (clk_i),
    .write_i     (take),
    .write_addr_i(write_q),
    .write_data_i(s_data_i),
    .read_addr_i (read_addr_q),
    .read_data_o (codes)
  );

  g2h_centre #(
    .Lanes    (Lanes),
    .InBits   (InBits),
    .Signed   (Signed),
    .ZeroPoint(ZeroPoint),
    .OutBits  (AccBits)
  ) u_centre (
    .data_i(codes),
    .data_o(centred)
  );

  assign masked = zero_q[2] ? '0 : centred;

  g2h_fifo #(
    .Width(Lanes * AccBits),
    .Ratio(1),
    .Depth(OutDepth)
  ) u_out (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (read_q[2]),
    .data_i (masked),
    .freed_o(out_freed),
    .data_o (acc_o),
    .valid_o(valid_o),
    .ready_i(ready_i)
  );
endmodule
