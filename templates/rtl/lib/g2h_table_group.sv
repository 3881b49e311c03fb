// g2h_table_group: which channels a beat of requantized codes has, for tables that differ from channel to channel.
//
// Equation    group_o = (phase * Folds + fold) * Groups + beat modulo Groups, as g2h_channels has it; where all folds of a
//             pixel follow one another and with one phase a beat's channels are group_o * lanes and on, modulo the functions.
// Latency     group_o belongs to the beat of valid_i in the same clock; valid_o follows it by the 2 clocks of a table.
// Parameters  as g2h_channels; Groups: beats until the same functions come again, within a pixel where there are several
//             folds or phases; GroupBits holds RowPhases * Folds * Groups - 1.
module g2h_table_group #(
  parameter int unsigned Groups    = 2,
  parameter int unsigned GroupBits = 1,
  parameter int unsigned Pixels    = 1,
  parameter int unsigned Rows      = 1,
  parameter int unsigned Folds     = 1,
  parameter int unsigned RowPhases = 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 valid_i,
  output logic [GroupBits-1:0] group_o,
  output logic                 valid_o
);
  logic [1:0] valid_q, unused_last;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[0], valid_i};
  end

  assign valid_o = valid_q[1];

  g2h_channels #(
    .Groups  (Groups),
    .Pixels  (Pixels),
    .Rows    (Rows),
    .Folds   (Folds),
    .Phases  (RowPhases),
    .WordBits(GroupBits)
  ) u_channels (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .step_i      (valid_i),
    .word_o      (group_o),
    .pixel_last_o(unused_last[0]),
    .band_last_o (unused_last[1])
  );
endmodule
