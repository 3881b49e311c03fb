// g2h_reorder: turns codes that come fold by fold into codes that leave pixel by pixel, a band at a time.
//
// Equation    of each band words of Width bits come in the order (fold, pixel, group) and leave in the order (pixel, fold,
//             group).
// Memory      Banks of Pixels * Folds * Groups words, one write and one read port, read registered twice (block RAM with
//             its output register, or with Ultra UltraRAM); a queue of 8 words in distributed RAM behind it.
// Latency     the last word of a band in clock t: its first one is read in clock t + 2 and offered in clock t + 6.
// Handshake   no ready to the writer: it owns a bank before the first word of a band.  freed_o gives a bank back in the
//             clock in which its last word is read.  valid_o is a register.
// Parameters  Groups: words of a pixel in a fold; Pixels and Folds of a band; all at least 1.  Banks: 2, one is written
//             while the other one leaves, or 1.
module g2h_reorder #(
  parameter int unsigned Width  = 16,
  parameter int unsigned Groups = 1,
  parameter int unsigned Pixels = 1,
  parameter int unsigned Folds  = 1,
  parameter int unsigned Banks  = 2,
  parameter bit          Ultra  = 1'b0
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             push_i,
  input  logic [Width-1:0] data_i,
  output logic             freed_o,
  output logic [Width-1:0] data_o,
  output logic             valid_o,
  input  logic             ready_i
);
  localparam int unsigned PixelWords = Folds * Groups;
  localparam int unsigned Bank       = Pixels * PixelWords;
  localparam int unsigned AddrBits   = Banks * Bank > 1 ? $clog2(Banks * Bank) : 1;
  localparam int unsigned OutDepth   = 8;

  logic [AddrBits-1:0] write_d, write_q, pixel_q, fold_q, read_q;
  logic                write_upper_q, read_upper_q;  // which bank
  logic [1:0]          count_d, count_q;             // bands that may be read from the next clock on
  logic                group_last, pixel_last, fold_last, pixel_done, fold_done, band_done, band_done_q, some_q, room;
  logic                read, read_last, read_q1, read_q2, out_freed;
  logic [Width-1:0]    word;

  // Writing: pixel_q is where the pixel's words of the fold begin, fold_q where those of the first pixel do.
  assign pixel_done = push_i && group_last;
  assign fold_done  = pixel_done && pixel_last;
  assign band_done  = fold_done && fold_last;

  g2h_count #(
    .Count(Groups)
  ) u_groups (
    .clk_i (clk_i),
    .rst_ni(rst_ni),
    .step_i(push_i),
    .last_o(group_last)
  );

  g2h_count #(
    .Count(Pixels)
  ) u_pixels (
    .clk_i (clk_i),
    .rst_ni(rst_ni),
    .step_i(pixel_done),
    .last_o(pixel_last)
  );

  g2h_count #(
    .Count(Folds)
  ) u_folds (
    .clk_i (clk_i),
    .rst_ni(rst_ni),
    .step_i(fold_done),
    .last_o(fold_last)
  );

  always_comb begin
    if (!pixel_last) write_d = pixel_q + AddrBits'(PixelWords);
    else if (!fold_last) write_d = fold_q + AddrBits'(Groups);
    else write_d = (Banks == 1 || write_upper_q) ? '0 : AddrBits'(Bank);
  end

  if (Groups > 1) begin : g_groups
    always_ff @(posedge clk_i) begin
      if (!rst_ni) write_q <= '0;
      else if (push_i) write_q <= group_last ? write_d : write_q + AddrBits'(1);
    end
  end else begin : g_one_group
    assign write_q = pixel_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pixel_q       <= '0;
      fold_q        <= '0;
      write_upper_q <= 1'b0;
    end else begin
      if (pixel_done) pixel_q <= write_d;
      if (fold_done) fold_q <= write_d;
      if (band_done) write_upper_q <= Banks > 1 && !write_upper_q;
    end
  end

  // Reading: words stand in the order in which they leave, the banks one behind the other.
  assign read      = some_q && room;
  assign read_last = read && read_q == (read_upper_q ? AddrBits'(Banks * Bank - 1) : AddrBits'(Bank - 1));
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
      if (read) read_q <= (read_last && (Banks == 1 || read_upper_q)) ? '0 : read_q + AddrBits'(1);
      if (read_last) read_upper_q <= Banks > 1 && !read_upper_q;
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
    .Width   (Width),
    .Depth   (Banks * Bank),
    .AddrBits(AddrBits),
    .Ultra   (Ultra)
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
    .Ratio(1),
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
