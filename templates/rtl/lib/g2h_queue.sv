// g2h_queue: a short first-in first-out queue between two streams.
//
// Memory      Depth words, distributed RAM.
// Latency     a beat taken in clock t is offered in clock t + 2 when the queue is empty; one beat a clock.
// Handshake   s_ready_o and m_valid_o are registers.  A place is free again in the clock after its word has left the
//             memory for the output register.
// Parameters  Depth a power of two >= 2.
module g2h_queue #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 16
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
  logic push, freed;

  assign push = s_valid_i && s_ready_o;

  g2h_credit #(
    .Depth(Depth)
  ) u_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (push),
    .give_i (freed),
    .avail_o(s_ready_o)
  );

  g2h_fifo #(
    .Width(Width),
    .Ratio(1),
    .Depth(Depth)
  ) u_fifo (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (push),
    .data_i (s_data_i),
    .freed_o(freed),
    .data_o (m_data_o),
    .valid_o(m_valid_o),
    .ready_i(m_ready_i)
  );
endmodule
