// g2h_loader: accepts the input stream and writes it to the circular line buffer.
//
// Equation    input word n of all time goes to address n mod (Rows * RowWords).
// Memory      Rows rows of RowWords words; rows follow each other across frames.
// Latency     a word accepted in clock t is in the line buffer for a read whose address stands in clock t + 1.
// Handshake   s_ready_o is a register: a row may be written while free > 0, where free starts at Rows, falls by one in
//             the clock after a row's last word and rises by release_i.  Rows that no output uses are released with
//             the end of their frame, even before they arrive, so free can reach Rows + InRows.  Nothing is taken
//             before primed_i, which stays high then: the latency of a frame does not depend on when reset ended.
// Parameters  Rows, InRows, RowWords >= 1; AddrBits holds Rows * RowWords - 1; FreeBits holds Rows + InRows.
module g2h_loader #(
  parameter int unsigned Rows     = 1,
  parameter int unsigned RowWords = 1,
  parameter int unsigned AddrBits = 1,
  parameter int unsigned FreeBits = 2
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                primed_i,
  input  logic                s_valid_i,
  output logic                s_ready_o,
  input  logic [FreeBits-1:0] release_i,
  output logic                write_o,
  output logic [AddrBits-1:0] addr_o,
  output logic                row_done_o
);
  localparam int unsigned WordBits = (RowWords > 1) ? $clog2(RowWords) : 1;

  logic [FreeBits-1:0] free_d, free_q;
  logic [WordBits-1:0] word_q;
  logic [AddrBits-1:0] addr_q;
  logic                ready_q, row_last;

  assign row_last   = word_q == WordBits'(RowWords - 1);
  assign write_o    = s_valid_i && ready_q;
  assign row_done_o = write_o && row_last;
  assign addr_o     = addr_q;
  assign s_ready_o  = ready_q;
  assign free_d     = free_q + release_i - FreeBits'(row_done_o);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      free_q  <= FreeBits'(Rows);
      ready_q <= 1'b0;
      word_q  <= '0;
      addr_q  <= '0;
    end else begin
      free_q  <= free_d;
      ready_q <= primed_i && (free_d != '0);
      if (write_o) begin
        word_q <= row_last ? '0 : word_q + WordBits'(1);
        addr_q <= (addr_q == AddrBits'(Rows * RowWords - 1)) ? '0 : addr_q + AddrBits'(1);
      end
    end
  end
endmodule
