// g2h_reorder: turns vectors that come fold by fold into vectors that leave pixel by pixel, a band at a time.
//
// Equation    of each band vectors come in the order (fold, pixel) and leave in the order (pixel, fold), each as Ratio
//             words of Width bits, the first of them in the least significant bits.
// Memory      two banks of Pixels * Folds vectors, one write and one read port, read registered twice (block RAM with
//             its output register); a queue of 8 vectors in distributed RAM behind it.
// Latency     the last vector of a band in clock t: its first one is read in clock t + 2 and offered in clock t + 6.
// Handshake   no ready to the writer: it owns a bank before the first vector of a band.  freed_o gives a bank back in the
//             clock in which its last vector is read.  valid_o is a register.
// Parameters  Pixels and Folds of a band, at least 1.
module g2h_reorder #(
  parameter int unsigned Width  = 16,
  parameter int unsigned Ratio  = 1,
  parameter int unsigned Pixels = 1,
  parameter int unsigned Folds  = 1
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   push_i,
  input  logic [Ratio*Width-1:0] data_i,
  output logic                   freed_o,
  output logic [Width-1:0]       data_o,
  output logic                   valid_o,
  input  logic                   ready_i
);
  localparam int unsigned Bank      = Pixels * Folds;
  localparam int unsigned AddrBits  = $clog2(2 * Bank);
  localparam int unsigned PixelBits = (Pixels > 1) ? $clog2(Pixels) : 1;
  localparam int unsigned FoldBits  = (Folds > 1) ? $clog2(Folds) : 1;
  localparam int unsigned OutDepth  = 8;

  logic [AddrBits-1:0]    write_q, start_q, next_bank, read_q;
  logic [PixelBits-1:0]   pixel_q;
  logic [FoldBits-1:0]    fold_q;
  logic                   write_upper_q, read_upper_q;  // which bank
  logic [1:0]             count_d, count_q;             // bands that may be read from the next clock on
  logic                   pixel_last, fold_last, band_done, band_done_q, some_q, room;
  logic                   read, read_last, read_q1, read_q2, out_freed;
  logic [Ratio*Width-1:0] word;

  // Writing: start_q is where the fold begins.
  assign pixel_last = pixel_q == PixelBits'(Pixels - 1);
  assign fold_last  = fold_q == FoldBits'(Folds - 1);
  assign band_done  = push_i && pixel_last && fold_last;
  assign next_bank  = write_upper_q ? '0 : AddrBits'(Bank);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q       <= '0;
      start_q       <= '0;
      pixel_q       <= '0;
      fold_q        <= '0;
      write_upper_q <= 1'b0;
    end else if (push_i) begin
      pixel_q <= pixel_last ? '0 : pixel_q + PixelBits'(1);
      if (!pixel_last) begin
        write_q <= write_q + AddrBits'(Folds);
      end else if (!fold_last) begin
        write_q <= start_q + AddrBits'(1);
        start_q <= start_q + AddrBits'(1);
        fold_q  <= fold_q + FoldBits'(1);
      end else begin
        write_q       <= next_bank;
        start_q       <= next_bank;
        fold_q        <= '0;
        write_upper_q <= !write_upper_q;
      end
    end
  end

  // Reading: vectors stand in the order in which they leave, the banks one behind the other.
  assign read      = some_q && room;
  assign read_last = read && read_q == (read_upper_q ? AddrBits'(2 * Bank - 1) : AddrBits'(Bank - 1));
  assign count_d   = count_q + 2'(band_done_q) - 2'(read_last);
  assign freed_o   = read_last;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      read_q       <= '0;
      read_upper_q <= 1'b0;
      band_done_q  <= 1'b0;
      count_q      <= '0;
      some_q       <= 1'b0;
      read_q1      <= 1'b0;
      read_q2      <= 1'b0;
    end else begin
      if (read) read_q <= (read_last && read_upper_q) ? '0 : read_q + AddrBits'(1);
      if (read_last) read_upper_q <= !read_upper_q;
      band_done_q <= band_done;
      count_q     <= count_d;
      some_q      <= count_d != '0;
      read_q1     <= read;
      read_q2     <= read_q1;
    end
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
    .Width   (Ratio * Width),
    .Depth   (2 * Bank),
    .AddrBits(AddrBits)
  ) u_memory (
    .clk_i       (clk_i),
    .write_i     (push_i),
    .write_addr_i(write_q),
    .write_data_i(data_i),
    .read_addr_i (read_q),
    .read_data_o (word)
  );

  g2h_fifo #(
    .Width(Width),
    .Ratio(Ratio),
    .Depth(OutDepth)
  ) u_out (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (read_q2),
    .data_i (word),
    .freed_o(out_freed),
    .data_o (data_o),
    .valid_o(valid_o),
    .ready_i(ready_i)
  );
endmodule
