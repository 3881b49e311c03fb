// g2h_down: width converter, one wide beat into Ratio narrow ones, least significant first.
//
// Equation    output beat n is bits [(n % Ratio) * Width +: Width] of input beat n / Ratio.
// Latency     beat accepted in clock t -> first narrow beat in clock t + 1; one narrow beat a clock without a bubble.
// Handshake   valid_o is a register; s_ready_o depends on m_ready_i, which no reader derives from another
//             ready.
// Parameters  Ratio >= 2.
module g2h_down #(
  parameter int unsigned Width = 8,
  parameter int unsigned Ratio = 2
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic [Ratio*Width-1:0] s_data_i,
  input  logic                   s_valid_i,
  output logic                   s_ready_o,
  output logic [Width-1:0]       m_data_o,
  output logic                   m_valid_o,
  input  logic                   m_ready_i
);
  localparam int unsigned IndexBits = $clog2(Ratio);

  if (Ratio < 2) begin : g_check_ratio
    $error("g2h_down: Ratio must be at least 2");
  end

  logic [Ratio*Width-1:0] shift_q;
  logic [IndexBits-1:0]   index_q;
  logic                   valid_q, last;

  assign last      = index_q == IndexBits'(Ratio - 1);
  assign s_ready_o = !valid_q || (last && m_ready_i);
  assign m_valid_o = valid_q;
  assign m_data_o  = shift_q[Width-1:0];

  always_ff @(posedge clk_i) begin
    if (s_ready_o) shift_q <= s_data_i;
    else if (m_ready_i) shift_q <= {{Width{1'b0}}, shift_q[Ratio*Width-1:Width]};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      index_q <= '0;
    end else begin
      if (s_ready_o) valid_q <= s_valid_i;
      if (valid_q && m_ready_i) index_q <= last ? '0 : index_q + IndexBits'(1);
    end
  end
endmodule
