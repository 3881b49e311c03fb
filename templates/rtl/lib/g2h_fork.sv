// g2h_fork: a stream for several readers, each of which takes a beat when it likes.
//
// Equation    every reader gets every beat, once.
// Latency     0 clocks: a beat is valid for all readers in the clock in which it comes.
// Handshake   a flag for each reader remembers that it has taken the beat, so none waits for another one; the beat is
//             taken from the writer in the clock in which the last reader takes it.  m_valid_o does not depend on any
//             ready.
// Parameters  Readers >= 2.
module g2h_fork #(
  parameter int unsigned Readers = 2
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               s_valid_i,
  output logic               s_ready_o,
  output logic [Readers-1:0] m_valid_o,
  input  logic [Readers-1:0] m_ready_i
);
  logic [Readers-1:0] done_q;

  assign m_valid_o = s_valid_i ? ~done_q : '0;
  assign s_ready_o = &(done_q | m_ready_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) done_q <= '0;
    else if (s_valid_i) done_q <= s_ready_o ? '0 : (done_q | m_ready_i);
  end
endmodule
