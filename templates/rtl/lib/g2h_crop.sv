// g2h_crop: a window of a map; what lies outside is taken and dropped.
//
// Equation    lane of acc_o = code - ZeroPoint of the beats FirstBeat to EndBeat - 1 of the rows FirstRow to EndRow - 1;
//             a map has Rows rows of RowBeats beats.
// Latency     a beat of the window taken in clock t is offered in clock t + 1.
// Handshake   a beat outside is taken at once, one inside when the former one has left or leaves.  No ready depends on a
//             valid.
// Parameters  AccBits holds every code - ZeroPoint.  The window is not empty.
module g2h_crop #(
  parameter int unsigned Lanes     = 1,
  parameter int unsigned InBits    = 8,
  parameter bit          Signed    = 1'b1,
  parameter int          ZeroPoint = 0,
  parameter int unsigned AccBits   = 9,
  parameter int unsigned Rows      = 2,
  parameter int unsigned FirstRow  = 0,
  parameter int unsigned EndRow    = 1,
  parameter int unsigned RowBeats  = 2,
  parameter int unsigned FirstBeat = 0,
  parameter int unsigned EndBeat   = 1
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
  localparam int unsigned BeatBits = RowBeats > 1 ? $clog2(RowBeats) : 1;
  localparam int unsigned RowBits  = Rows > 1 ? $clog2(Rows) : 1;

  logic [BeatBits-1:0]      beat_q, beat_d;  // of the row
  logic [RowBits-1:0]       row_q, row_d;
  logic                     beat_in_q, row_in_q;  // whether it is one of the window
  logic [Lanes*AccBits-1:0] centred;
  logic                     last_beat, last_row, covered, open, take;

  assign last_beat = beat_q == BeatBits'(RowBeats - 1);
  assign last_row  = row_q == RowBits'(Rows - 1);
  assign beat_d    = last_beat ? '0 : beat_q + BeatBits'(1);
  assign row_d     = last_row ? '0 : row_q + RowBits'(1);
  assign covered    = beat_in_q && row_in_q;
  assign open      = !valid_o || ready_i;
  assign s_ready_o = open || !covered;
  assign take      = s_valid_i && s_ready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_o   <= 1'b0;
      beat_q    <= '0;
      beat_in_q <= FirstBeat == 0;
      row_q     <= '0;
      row_in_q  <= FirstRow == 0;
    end else begin
      if (open) valid_o <= take && covered;
      if (take) begin
        beat_q <= beat_d;
        if (beat_d == BeatBits'(FirstBeat)) beat_in_q <= 1'b1;
        else if (last_beat || beat_d == BeatBits'(EndBeat)) beat_in_q <= 1'b0;
        if (last_beat) begin
          row_q <= row_d;
          if (row_d == RowBits'(FirstRow)) row_in_q <= 1'b1;
          else if (last_row || row_d == RowBits'(EndRow)) row_in_q <= 1'b0;
        end
      end
    end
  end

  g2h_centre #(
    .Lanes    (Lanes),
    .InBits   (InBits),
    .Signed   (Signed),
    .ZeroPoint(ZeroPoint),
    .OutBits  (AccBits)
  ) u_centre (
    .data_i(s_data_i),
    .data_o(centred)
  );

  always_ff @(posedge clk_i) begin
    if (take && covered) acc_o <= centred;
  end
endmodule
