// g2h_place: a counter and what a table says of each of its values.
//
// Equation    place_o is word n of File, n = 0, 1, ..., Count - 1, over and over, the next one with each step_i.
// Memory      Count words of Width bits, read in the clock before: place_o is a register.
// Latency     an event in clock t shows in clock t + 1.
// Parameters  Count >= 1; File empty only when the module is read without an instance.
module g2h_place #(
  parameter int unsigned Count = 2,
  parameter int unsigned Width = 2,
  parameter              File  = ""
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             step_i,
  output logic             last_o,
  output logic [Width-1:0] place_o
);
  localparam int unsigned Bits = Count > 1 ? $clog2(Count) : 1;

  logic [Width-1:0] memory [0:Count-1];
  logic [Bits-1:0]  at_d, at_q;

  if (File != "") begin : g_init
    initial $readmemh(File, memory);
  end

  assign last_o = at_q == Bits'(Count - 1);

  always_comb begin
    at_d = at_q;
    if (step_i) at_d = last_o ? '0 : at_q + Bits'(1);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) at_q <= '0;
    else at_q <= at_d;
  end

  always_ff @(posedge clk_i) place_o <= memory[at_d];
endmodule
