// g2h_table_group: which channels a beat of requantized codes has, for tables that differ from channel to channel.
//
// Equation    group_o = (output row modulo RowPhases) * Groups + (beat modulo Groups): with one phase a beat's channels are
//             group_o * lanes and on, modulo the functions; with several, Groups are the beats of a pixel.
// Latency     group_o belongs to the beat of valid_i in the same clock; valid_o follows it by the 2 clocks of a table.
// Parameters  Groups: beats until the same functions come again; GroupBits holds RowPhases * Groups - 1.
module g2h_table_group #(
  parameter int unsigned Groups     = 2,
  parameter int unsigned GroupBits  = 1,
  parameter int unsigned RowPhases  = 1,
  parameter int unsigned OutColumns = 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 valid_i,
  output logic [GroupBits-1:0] group_o,
  output logic                 valid_o
);
  logic [GroupBits-1:0] group_q;
  logic [1:0]           valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[0], valid_i};
  end

  assign group_o = group_q;
  assign valid_o = valid_q[1];

  if (RowPhases > 1) begin : g_row_phases
    localparam int unsigned BeatBits   = (Groups > 1) ? $clog2(Groups) : 1;
    localparam int unsigned ColumnBits = (OutColumns > 1) ? $clog2(OutColumns) : 1;
    localparam int unsigned PhaseBits  = $clog2(RowPhases);
    logic [BeatBits-1:0]   beat_q;
    logic [ColumnBits-1:0] column_q;
    logic [PhaseBits-1:0]  phase_q;
    logic [GroupBits-1:0]  first_q, following;  // first_q: of the row's phase
    logic                  pixel_last, row_last, phase_last;

    assign pixel_last = beat_q == BeatBits'(Groups - 1);
    assign row_last   = column_q == ColumnBits'(OutColumns - 1);
    assign phase_last = phase_q == PhaseBits'(RowPhases - 1);
    assign following  = phase_last ? '0 : group_q + GroupBits'(1);

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        beat_q   <= '0;
        column_q <= '0;
        phase_q  <= '0;
        group_q  <= '0;
        first_q  <= '0;
      end else if (valid_i) begin
        if (!pixel_last) begin
          beat_q  <= beat_q + BeatBits'(1);
          group_q <= group_q + GroupBits'(1);
        end else begin
          beat_q <= '0;
          if (!row_last) begin
            column_q <= column_q + ColumnBits'(1);
            group_q  <= first_q;
          end else begin
            column_q <= '0;
            phase_q  <= phase_last ? '0 : phase_q + PhaseBits'(1);
            group_q  <= following;
            first_q  <= following;
          end
        end
      end
    end
  end else begin : g_one_phase
    always_ff @(posedge clk_i) begin
      if (!rst_ni) group_q <= '0;
      else if (valid_i) group_q <= (group_q == GroupBits'(Groups - 1)) ? '0 : group_q + GroupBits'(1);
    end
  end
endmodule
