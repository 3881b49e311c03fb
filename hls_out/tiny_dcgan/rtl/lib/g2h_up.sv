// g2h_up: width converter, Ratio narrow beats into one wide one, least significant first.
//
// Equation    bits [(n % Ratio) * Width +: Width] of output beat n / Ratio are input beat n.
// Latency     last narrow beat accepted in clock t -> wide beat in clock t + 1; one narrow beat a clock as long as the
//             wide beat leaves before the next one is complete.
// Handshake   m_valid_o is a register, s_ready_o depends on registers alone.
// Parameters  Ratio >= 2.
module g2h_up #(
  parameter int unsigned Width = 8,
  parameter int unsigned Ratio = 2
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic [Width-1:0]       s_data_i,
  input  logic                   s_valid_i,
  output logic                   s_ready_o,
  output logic [Ratio*Width-1:0] m_data_o,
  output logic                   m_valid_o,
  input  logic                   m_ready_i
);
  localparam int unsigned IndexBits = $clog2(Ratio);

  if (Ratio < 2) begin : g_check_ratio
    $error("g2h_up: Ratio must be at least 2");
  end

  logic [(Ratio-1)*Width-1:0] part_q;
  logic [Ratio*Width-1:0]     joined, data_q;
  logic [IndexBits-1:0]       index_q;
  logic                       valid_q, last, take;

  assign last      = index_q == IndexBits'(Ratio - 1);
  assign s_ready_o = !(last && valid_q);
  assign take      = s_valid_i && s_ready_o;
  assign joined    = {s_data_i, part_q};
  assign m_valid_o = valid_q;
  assign m_data_o  = data_q;

  always_ff @(posedge clk_i) begin
    if (take) part_q <= joined[Ratio*Width-1:Width];
    if (take && last) data_q <= joined;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      index_q <= '0;
    end else begin
      valid_q <= (take && last) || (valid_q && !m_ready_i);
      if (take) index_q <= last ? '0 : index_q + IndexBits'(1);
    end
  end
endmodule
