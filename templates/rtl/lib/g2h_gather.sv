// g2h_gather: rows of a constant table by the numbers of a stream.
//
// Equation    acc_o = rows[code][n], n = 0, 1, ..., Channels - 1, for each code that comes.
// Memory      2**InBits rows, each of 2**ChannelBits words of which Channels are read.
// Latency     a code taken in clock t: the first number of its row is offered in clock t + 1, then one a clock.
// Handshake   a code is taken with the first number of its row, when the former number has left or leaves.
// Parameters  ChannelBits holds Channels - 1.
module g2h_gather #(
  parameter int unsigned InBits      = 4,
  parameter int unsigned AccBits     = 16,
  parameter int unsigned Channels    = 2,
  parameter int unsigned ChannelBits = 1,
  parameter              RowsFile    = ""
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [InBits-1:0]  s_data_i,
  input  logic               s_valid_i,
  output logic               s_ready_o,
  output logic [AccBits-1:0] acc_o,
  output logic               valid_o,
  input  logic               ready_i
);
  localparam int unsigned Words = 1 << (InBits + ChannelBits);

  logic [AccBits-1:0]     memory [0:Words-1];
  logic [ChannelBits-1:0] at_q;
  logic [InBits-1:0]      row_q, row;
  logic                   begins, open, step;

  if (RowsFile != "") begin : g_init
    initial $readmemh(RowsFile, memory);
  end

  assign begins    = at_q == '0;
  assign row       = begins ? s_data_i : row_q;
  assign open      = !valid_o || ready_i;
  assign step      = open && (!begins || s_valid_i);
  assign s_ready_o = open && begins;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_o <= 1'b0;
      at_q    <= '0;
    end else begin
      if (open) valid_o <= step;
      if (step) at_q <= at_q == ChannelBits'(Channels - 1) ? '0 : at_q + ChannelBits'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (step) begin
      row_q <= row;
      acc_o <= memory[{row, at_q}];
    end
  end
endmodule
