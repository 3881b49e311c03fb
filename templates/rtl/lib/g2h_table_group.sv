// g2h_table_group: which channels a beat of requantized codes has, for tables that differ from channel to channel.
//
// Equation    group_o counts beats modulo Groups: a beat's channels are group_o * lanes and on, modulo the functions.
// Latency     group_o belongs to the beat of valid_i in the same clock; valid_o follows it by the 2 clocks of a table.
// Parameters  Groups: beats until the same functions come again; GroupBits holds Groups - 1.
module g2h_table_group #(
  parameter int unsigned Groups    = 2,
  parameter int unsigned GroupBits = 1
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
    if (!rst_ni) begin
      group_q <= '0;
      valid_q <= '0;
    end else begin
      if (valid_i) group_q <= (group_q == GroupBits'(Groups - 1)) ? '0 : group_q + GroupBits'(1);
      valid_q <= {valid_q[0], valid_i};
    end
  end

  assign group_o = group_q;
  assign valid_o = valid_q[1];
endmodule
