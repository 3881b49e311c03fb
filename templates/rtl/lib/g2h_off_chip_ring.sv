// g2h_off_chip_ring: both ends of a long first-in first-out queue whose places are in external memory.
//
// Equation    word n of s is word n of m.  In between words travel as beats of the memory port: to the port through b
//             (g2h_axi_writer), from there through r (g2h_axi_reader).
// Order       a word takes WordBits bits, filled up with zeros: either WordBits / BusBits beats of the port, least
//             significant first, or BusBits / WordBits words share a beat.
// Latency     depends on the memory.
// Handshake   that of g2h_up and g2h_down.
// Parameters  WordBits >= Width; the wider one of WordBits and BusBits is a multiple of the other.
module g2h_off_chip_ring #(
  parameter int unsigned Width    = 8,
  parameter int unsigned WordBits = 8,
  parameter int unsigned BusBits  = 64
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [Width-1:0]   s_data_i,
  input  logic               s_valid_i,
  output logic               s_ready_o,
  output logic [BusBits-1:0] b_data_o,
  output logic               b_valid_o,
  input  logic               b_ready_i,
  input  logic [BusBits-1:0] r_data_i,
  input  logic               r_valid_i,
  output logic               r_ready_o,
  output logic [Width-1:0]   m_data_o,
  output logic               m_valid_o,
  input  logic               m_ready_i
);
  logic [WordBits-1:0] word, back;

  assign word     = WordBits'(s_data_i);
  assign m_data_o = back[Width-1:0];

  if (WordBits > Width) begin : g_filled
    logic unused;
    assign unused = &{1'b0, back[WordBits-1:Width]};
  end

  if (WordBits > BusBits) begin : g_wide
    g2h_down #(
      .Width(BusBits),
      .Ratio(WordBits / BusBits)
    ) u_to (
      .clk_i    (clk_i),
      .rst_ni   (rst_ni),
      .s_data_i (word),
      .s_valid_i(s_valid_i),
      .s_ready_o(s_ready_o),
      .m_data_o (b_data_o),
      .m_valid_o(b_valid_o),
      .m_ready_i(b_ready_i)
    );

    g2h_up #(
      .Width(BusBits),
      .Ratio(WordBits / BusBits)
    ) u_from (
      .clk_i    (clk_i),
      .rst_ni   (rst_ni),
      .s_data_i (r_data_i),
      .s_valid_i(r_valid_i),
      .s_ready_o(r_ready_o),
      .m_data_o (back),
      .m_valid_o(m_valid_o),
      .m_ready_i(m_ready_i)
    );
  end else if (WordBits < BusBits) begin : g_narrow
    g2h_up #(
      .Width(WordBits),
      .Ratio(BusBits / WordBits)
    ) u_to (
      .clk_i    (clk_i),
      .rst_ni   (rst_ni),
      .s_data_i (word),
      .s_valid_i(s_valid_i),
      .s_ready_o(s_ready_o),
      .m_data_o (b_data_o),
      .m_valid_o(b_valid_o),
      .m_ready_i(b_ready_i)
    );

    g2h_down #(
      .Width(WordBits),
      .Ratio(BusBits / WordBits)
    ) u_from (
      .clk_i    (clk_i),
      .rst_ni   (rst_ni),
      .s_data_i (r_data_i),
      .s_valid_i(r_valid_i),
      .s_ready_o(r_ready_o),
      .m_data_o (back),
      .m_valid_o(m_valid_o),
      .m_ready_i(m_ready_i)
    );
  end else begin : g_same
    logic unused_clock;
    assign unused_clock = &{1'b0, clk_i, rst_ni};
    assign b_data_o  = word;
    assign b_valid_o = s_valid_i;
    assign s_ready_o = b_ready_i;
    assign back      = r_data_i;
    assign m_valid_o = r_valid_i;
    assign r_ready_o = m_ready_i;
  end
endmodule
