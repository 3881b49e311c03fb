// g2h_hole: which output pixels have no taps.
//
// Equation    hole_o: the bit of the row in YMask or that of the column in XMask is clear; step_i ends each pixel with
//             pixel_last_i.  started_o: a beat of a pixel with taps has come in this frame.
// Latency     a beat step_i in clock t acts in clock t + 1.
// Parameters  OutRows and OutColumns >= 1.
module g2h_hole #(
  parameter int unsigned           OutRows    = 1,
  parameter int unsigned           OutColumns = 1,
  parameter logic [OutRows-1:0]    YMask      = '1,
  parameter logic [OutColumns-1:0] XMask      = '1
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic step_i,
  input  logic pixel_last_i,
  output logic hole_o,
  output logic started_o
);
  localparam int unsigned XBits = (OutColumns > 1) ? $clog2(OutColumns) : 1;
  localparam int unsigned YBits = (OutRows > 1) ? $clog2(OutRows) : 1;
  logic [XBits-1:0] x_q;
  logic [YBits-1:0] y_q;
  logic             started_q, x_last, y_last;

  assign x_last    = x_q == XBits'(OutColumns - 1);
  assign y_last    = y_q == YBits'(OutRows - 1);
  assign hole_o    = !(YMask[y_q] && XMask[x_q]);
  assign started_o = started_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      x_q       <= '0;
      y_q       <= '0;
      started_q <= 1'b0;
    end else if (step_i) begin
      if (pixel_last_i) begin
        x_q <= x_last ? '0 : x_q + XBits'(1);
        if (x_last) y_q <= y_last ? '0 : y_q + YBits'(1);
      end
      started_q <= (started_q || !hole_o) && !(pixel_last_i && x_last && y_last);
    end
  end
endmodule
