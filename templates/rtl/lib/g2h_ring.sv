// g2h_ring: a long first-in first-out queue between two streams, in block RAM, or with Ultra in UltraRAM (g2h_ultra).
//
// Memory      Depth words with a registered read, and a queue of 8 words in distributed RAM behind it, which keeps
//             reading at one word a clock in spite of the clocks that a read takes.
// Latency     a beat taken in clock t is read in clock t + 2 and offered in clock t + 6 when the ring is empty; one beat
//             a clock.
// Handshake   s_ready_o and m_valid_o are registers.  A place of the ring is free again in the clock after it was read.
// Parameters  Depth >= 2, of any size.
module g2h_ring #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 64,
  parameter bit          Ultra = 1'b0
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic [Width-1:0] s_data_i,
  input  logic             s_valid_i,
  output logic             s_ready_o,
  output logic [Width-1:0] m_data_o,
  output logic             m_valid_o,
  input  logic             m_ready_i
);
  localparam int unsigned AddrBits  = $clog2(Depth);
  localparam int unsigned CountBits = $clog2(Depth + 1);
  localparam int unsigned OutDepth  = 8;

  logic [Width-1:0]     word_q, data_q;
  logic [AddrBits-1:0]  write_q, read_q;
  logic [CountBits-1:0] count_d, count_q;  // words that may be read from the next clock on
  logic                 push, push_q, read, ready, some_q, read_q1, read_q2, out_freed;

  assign push    = s_valid_i && s_ready_o;
  assign read    = some_q && ready;
  assign count_d = count_q + CountBits'(push_q) - CountBits'(read);

  g2h_credit #(
    .Depth(Depth)
  ) u_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (push),
    .give_i (read),
    .avail_o(s_ready_o)
  );

  g2h_credit #(
    .Depth(OutDepth)
  ) u_out_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (read),
    .give_i (out_freed),
    .avail_o(ready)
  );

  if (Ultra) begin : g_ultra
    g2h_ultra #(
      .Width   (Width),
      .Depth   (Depth),
      .AddrBits(AddrBits)
    ) u_ultra (
      .clk_i       (clk_i),
      .write_i     (push),
      .write_addr_i(write_q),
      .write_data_i(s_data_i),
      .read_i      (read),
      .read_addr_i (read_q),
      .data_o      (word_q)
    );
  end else begin : g_block
    (* ram_style = "block" *)
    logic [Width-1:0] mem [0:Depth-1];

    always_ff @(posedge clk_i) begin
      if (push) mem[write_q] <= s_data_i;
      if (read) word_q <= mem[read_q];
    end
  end

  always_ff @(posedge clk_i) data_q <= word_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q <= '0;
      read_q  <= '0;
      push_q  <= 1'b0;
      count_q <= '0;
      some_q  <= 1'b0;
      read_q1 <= 1'b0;
      read_q2 <= 1'b0;
    end else begin
      if (push) write_q <= (write_q == AddrBits'(Depth - 1)) ? '0 : write_q + AddrBits'(1);
      if (read) read_q <= (read_q == AddrBits'(Depth - 1)) ? '0 : read_q + AddrBits'(1);
      push_q  <= push;
      count_q <= count_d;
      some_q  <= count_d != '0;
      read_q1 <= read;
      read_q2 <= read_q1;
    end
  end

  g2h_fifo #(
    .Width(Width),
    .Ratio(1),
    .Depth(OutDepth)
  ) u_out (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (read_q2),
    .data_i (data_q),
    .freed_o(out_freed),
    .data_o (m_data_o),
    .valid_o(m_valid_o),
    .ready_i(m_ready_i)
  );
endmodule
