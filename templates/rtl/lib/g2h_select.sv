// g2h_select: chosen channels of each pixel, in an order of their own.
//
// Equation    lane l of word w of a pixel is code - ZeroPoint of an element of a word of the pixel that came: element l of
//             word w of ElementFile, of the word that BeatFile has for copy c in its word w; lane l reads copy CopyOf[l].
// Memory      Copies times Pixels pixels of InWords words, one write and one read port, read registered twice; ROMs of
//             OutWords words, of BeatBits for each copy and ElementBits for each lane; a queue of 16 words in distributed
//             RAM behind them.
// Latency     the last word of a pixel taken in clock t: its first one is read in clock t + 2, and offered in clock t + 9.
//             The last read of a pixel in clock t: a word of another can take its place in clock t + 3.
// Handshake   s_ready_o and valid_o are registers.
// Parameters  Pixels >= 2; with Pixels * max >= InWords + OutWords + 5 + max, the greater of both, words pass in every
//             clock.  BeatBits holds InWords - 1, ElementBits Lanes - 1; CopyOf has 32 bits for each lane.
module g2h_select #(
  parameter int unsigned Lanes       = 1,
  parameter int unsigned InBits      = 8,
  parameter bit          Signed      = 1'b1,
  parameter int          ZeroPoint   = 0,
  parameter int unsigned AccBits     = 9,
  parameter int unsigned InWords     = 2,
  parameter int unsigned OutWords    = 2,
  parameter int unsigned Pixels      = 4,
  parameter int unsigned BeatBits    = 1,
  parameter int unsigned ElementBits = 1,
  parameter int unsigned Copies      = 1,
  parameter logic [Lanes*32-1:0] CopyOf = (Lanes*32)'(0),
  parameter              BeatFile    = "",
  parameter              ElementFile = ""
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
  localparam int unsigned Depth     = Pixels * InWords;
  localparam int unsigned AddrBits  = $clog2(Depth);
  localparam int unsigned CountBits = $clog2(Pixels + 1);
  localparam int unsigned SentBits  = (OutWords > 1) ? $clog2(OutWords) : 1;
  localparam int unsigned OutDepth  = 16;

  // Words come, and stand pixel by pixel.
  logic                write, pixel_done, freed;
  logic [AddrBits-1:0] write_addr;

  g2h_loader #(
    .Rows    (Pixels),
    .RowWords(InWords),
    .AddrBits(AddrBits),
    .FreeBits(CountBits)
  ) u_loader (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .primed_i  (1'b1),
    .s_valid_i (s_valid_i),
    .s_ready_o (s_ready_o),
    .release_i (CountBits'(freed)),
    .write_o   (write),
    .addr_o    (write_addr),
    .row_done_o(pixel_done)
  );

  // Words leave: a read begins with a place of the ROM, and takes five clocks to the queue.
  logic [CountBits-1:0] count_d, count_q;  // pixels that may be read from the next clock on
  logic [SentBits-1:0]  sent_q;
  logic [AddrBits-1:0]  pixel_q, pixel_q1, pixel_q2;  // where the pixel that leaves begins
  logic                 pixel_done_q, some_q, read, read_last, room, out_freed;
  logic [4:0]           read_q;
  logic [1:0]           last_q;

  assign read      = some_q && room;
  assign read_last = read && sent_q == SentBits'(OutWords - 1);
  assign count_d   = count_q + CountBits'(pixel_done_q) - CountBits'(read_last);
  assign freed     = last_q[1];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pixel_done_q <= 1'b0;
      count_q      <= '0;
      some_q       <= 1'b0;
      sent_q       <= '0;
      pixel_q      <= '0;
      read_q       <= '0;
      last_q       <= '0;
    end else begin
      pixel_done_q <= pixel_done;
      count_q      <= count_d;
      some_q       <= count_d != '0;
      read_q       <= {read_q[3:0], read};
      last_q       <= {last_q[0], read_last};
      if (read) sent_q <= read_last ? '0 : sent_q + SentBits'(1);
      if (read_last) pixel_q <= (pixel_q == AddrBits'(Depth - InWords)) ? '0 : pixel_q + AddrBits'(InWords);
    end
  end

  always_ff @(posedge clk_i) begin
    pixel_q1 <= pixel_q;
    pixel_q2 <= pixel_q1;
  end

  logic [Copies*BeatBits-1:0]           beat;
  logic [Copies-1:0][Lanes*InBits-1:0] word;
  logic [Lanes*InBits-1:0]              code_q;
  logic [Lanes*AccBits-1:0]             centred;

  g2h_rom #(
    .Width   (Copies * BeatBits),
    .Depth   (OutWords),
    .AddrBits(SentBits),
    .File    (BeatFile)
  ) u_beats (
    .clk_i (clk_i),
    .addr_i(sent_q),
    .data_o(beat)
  );

  for (genvar c = 0; c < Copies; c++) begin : g_copy
    g2h_line_buffer #(
      .Width   (Lanes * InBits),
      .Depth   (Depth),
      .AddrBits(AddrBits)
    ) u_pixels (
      .clk_i       (clk_i),
      .write_i     (write),
      .write_addr_i(write_addr),
      .write_data_i(s_data_i),
      .read_addr_i (pixel_q2 + AddrBits'(beat[c*BeatBits+:BeatBits])),
      .read_data_o (word[c])
    );
  end

  if (Lanes > 1) begin : g_choice
    logic [Lanes*ElementBits-1:0]      element;
    logic [1:0][Lanes*ElementBits-1:0] element_q;

    g2h_rom #(
      .Width   (Lanes * ElementBits),
      .Depth   (OutWords),
      .AddrBits(SentBits),
      .File    (ElementFile)
    ) u_elements (
      .clk_i (clk_i),
      .addr_i(sent_q),
      .data_o(element)
    );

    always_ff @(posedge clk_i) element_q <= {element_q[0], element};

    for (genvar l = 0; l < Lanes; l++) begin : g_lane
      logic [Lanes*InBits-1:0] from;
      logic [InBits-1:0]       code;

      assign from = word[CopyOf[l*32+:32]];

      always_comb begin
        code = '0;
        for (int unsigned n = 0; n < Lanes; n++) begin
          if (element_q[1][l*ElementBits+:ElementBits] == ElementBits'(n)) code = from[n*InBits+:InBits];
        end
      end

      always_ff @(posedge clk_i) code_q[l*InBits+:InBits] <= code;
    end
  end else begin : g_alone
    always_ff @(posedge clk_i) code_q <= word[0];
  end

  g2h_centre #(
    .Lanes    (Lanes),
    .InBits   (InBits),
    .Signed   (Signed),
    .ZeroPoint(ZeroPoint),
    .OutBits  (AccBits)
  ) u_centre (
    .data_i(code_q),
    .data_o(centred)
  );

  g2h_credit #(
    .Depth(OutDepth)
  ) u_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (read),
    .give_i (out_freed),
    .avail_o(room)
  );

  g2h_fifo #(
    .Width(Lanes * AccBits),
    .Ratio(1),
    .Depth(OutDepth)
  ) u_out (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (read_q[4]),
    .data_i (centred),
    .freed_o(out_freed),
    .data_o (acc_o),
    .valid_o(valid_o),
    .ready_i(ready_i)
  );
endmodule
