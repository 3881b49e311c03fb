// g2h_adder_tree: pipelined sum of N signed terms.
//
// Equation    sum_o = sum of term n = data_i[n * InBits +: InBits].
// Latency     clog2(N) clocks, one adder level each (a tree: no combinational DSP chain).
// Parameters  N >= 2; OutBits holds the sum of every subset of the terms; level l keeps min(InBits + l, OutBits) bits.
module g2h_adder_tree #(
  parameter int unsigned N       = 2,
  parameter int unsigned InBits  = 8,
  parameter int unsigned OutBits = 9
) (
  input  logic                clk_i,
  input  logic [N*InBits-1:0] data_i,
  output logic [OutBits-1:0]  sum_o
);
  localparam int unsigned Levels = $clog2(N);
  localparam int unsigned LastBits = (InBits + Levels < OutBits) ? InBits + Levels : OutBits;

  for (genvar l = 0; l <= Levels; l++) begin : g_level
    localparam int unsigned Bits  = (InBits + l < OutBits) ? InBits + l : OutBits;
    localparam int unsigned Nodes = (N + (1 << l) - 1) >> l;
    logic [Nodes*Bits-1:0] node;
    if (l == 0) begin : g_leaf
      for (genvar n = 0; n < N; n++) begin : g_node
        assign node[n*Bits+:Bits] = data_i[n*InBits+:Bits];
      end
    end else begin : g_sum
      localparam int unsigned Below     = (InBits + l - 1 < OutBits) ? InBits + l - 1 : OutBits;
      localparam int unsigned BelowLast = (N + (1 << (l - 1)) - 1) >> (l - 1);
      for (genvar n = 0; n < Nodes; n++) begin : g_node
        logic signed [Below-1:0] a;
        logic signed [Bits-1:0]  sum_q;
        assign a = g_level[l-1].node[2*n*Below+:Below];
        if (2 * n + 1 < BelowLast) begin : g_add
          logic signed [Below-1:0] b;
          assign b = g_level[l-1].node[(2*n+1)*Below+:Below];
          always_ff @(posedge clk_i) sum_q <= Bits'(a) + Bits'(b);
        end else begin : g_pass
          always_ff @(posedge clk_i) sum_q <= Bits'(a);
        end
        assign node[n*Bits+:Bits] = sum_q;
      end
    end
  end

  logic signed [LastBits-1:0] root;
  assign root  = g_level[Levels].node;
  assign sum_o = OutBits'(root);
endmodule
