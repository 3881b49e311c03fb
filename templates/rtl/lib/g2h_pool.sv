// g2h_pool: sums or greatest values over windows of a map that do not overlap.
//
// Equation    lane of acc_o = sum or maximum of code - ZeroPoint over the window, exact.  A row (column) is in a window,
//             the first of one or the last of one where its bit of RowIn, RowFirst, RowLast (ColumnIn, ...) is set.
// Memory      a word for each beat of a row of windows: OutColumns * PixelBeats words of what has come of the windows.
// Latency     the last beat of a window taken in clock t: its result is offered in clock t + 1.
// Handshake   a beat that ends no window is taken at once, one that ends one when the former result has left or leaves.
//             No ready depends on a valid.
// Parameters  AccBits holds every result.  Masks have a bit for each row (column), in whole words of 32 bits.
module g2h_pool #(
  parameter int unsigned Lanes      = 1,
  parameter int unsigned InBits     = 8,
  parameter bit          Signed     = 1'b1,
  parameter int          ZeroPoint  = 0,
  parameter int unsigned AccBits    = 9,
  parameter bit          Greatest   = 1'b1,
  parameter int unsigned PixelBeats = 1,
  parameter int unsigned OutColumns = 1,
  parameter int unsigned Rows       = 2,
  parameter int unsigned Columns    = 2,
  parameter logic [(Rows+31)/32*32-1:0]    RowIn       = '1,
  parameter logic [(Rows+31)/32*32-1:0]    RowFirst    = '1,
  parameter logic [(Rows+31)/32*32-1:0]    RowLast     = '1,
  parameter logic [(Columns+31)/32*32-1:0] ColumnIn    = '1,
  parameter logic [(Columns+31)/32*32-1:0] ColumnFirst = '1,
  parameter logic [(Columns+31)/32*32-1:0] ColumnLast  = '1
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
  localparam int unsigned Words      = OutColumns * PixelBeats;
  localparam int unsigned WordBits   = Words > 1 ? $clog2(Words) : 1;
  localparam int unsigned BeatBits   = PixelBeats > 1 ? $clog2(PixelBeats) : 1;
  localparam int unsigned RowBits    = $clog2((Rows + 31) / 32 * 32);
  localparam int unsigned ColumnBits = $clog2((Columns + 31) / 32 * 32);

  logic [BeatBits-1:0]      beat_q;    // of the pixel
  logic [ColumnBits-1:0]    column_q;
  logic [RowBits-1:0]       row_q;
  logic [WordBits-1:0]      base_q;    // begins word of the window
  logic [WordBits-1:0]      word;
  logic [Lanes*AccBits-1:0] memory[Words];
  logic [Lanes*AccBits-1:0] centred, former, result;
  logic                     last_beat, last_column, last_row, covered, begins, ends, open, take;

  assign last_beat   = beat_q == BeatBits'(PixelBeats - 1);
  assign last_column = column_q == ColumnBits'(Columns - 1);
  assign last_row    = row_q == RowBits'(Rows - 1);
  assign covered      = RowIn[row_q] && ColumnIn[column_q];
  assign begins       = RowFirst[row_q] && ColumnFirst[column_q];
  assign ends        = RowLast[row_q] && ColumnLast[column_q];
  assign word        = base_q + WordBits'(beat_q);
  assign open        = !valid_o || ready_i;
  assign s_ready_o   = open || !ends;
  assign take        = s_valid_i && s_ready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_o  <= 1'b0;
      beat_q   <= '0;
      column_q <= '0;
      row_q    <= '0;
      base_q   <= '0;
    end else begin
      if (open) valid_o <= take && ends;
      if (take) begin
        beat_q <= last_beat ? '0 : beat_q + BeatBits'(1);
        if (last_beat) begin
          column_q <= last_column ? '0 : column_q + ColumnBits'(1);
          if (last_column) base_q <= '0;
          else if (ColumnLast[column_q]) base_q <= base_q + WordBits'(PixelBeats);
          if (last_column) row_q <= last_row ? '0 : row_q + RowBits'(1);
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

  assign former = memory[word];

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    logic signed [AccBits-1:0] code, so_far, joined;

    assign code   = centred[l*AccBits+:AccBits];
    assign so_far = former[l*AccBits+:AccBits];
    assign joined = !Greatest ? so_far + code : so_far > code ? so_far : code;
    assign result[l*AccBits+:AccBits] = begins ? code : joined;
  end

  always_ff @(posedge clk_i) begin
    if (take && covered) memory[word] <= result;
  end

  always_ff @(posedge clk_i) begin
    if (take && ends) acc_o <= result;
  end
endmodule
