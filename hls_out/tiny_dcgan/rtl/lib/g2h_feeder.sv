// g2h_feeder: circular line buffer with its loader, and the grants of output rows to the sequencer that reads it.
//
// Equation    x_o is the line buffer's word at read_addr_i: SIMD input channels of one input pixel, of each group of
//             channels that a step works on.
// Memory      Rows * RowWords words of Width bits, one write and one read port, read registered twice (block RAM with
//             its output register, or with Ultra UltraRAM); loading of following rows and of the next frame overlaps
//             the work on this one.
// Latency     read_addr_i and step_i in clock t: x_o and step_o in clock t + 2, as the words of a weight source.  The
//             last word of a needed row accepted in clock t: row_avail_o in clock t + 2 at the earliest.  release_i in
//             clock t: s_ready_o can rise in clock t + 1.
// Handshake   stream in with registered ready; no ready at the output: the sequencer owns credits of the queue behind.
//             step_i is {valid, first, last, idle} of the step whose address stands at read_addr_i.
// Parameters  see g2h_loader, g2h_row_grant.
module g2h_feeder #(
  parameter int unsigned Width      = 8,
  parameter int unsigned InRows     = 1,
  parameter int unsigned Rows       = 1,
  parameter int unsigned RowWords   = 1,
  parameter int unsigned OutRows    = 1,
  parameter int unsigned FirstNeed  = 1,
  parameter int unsigned LoopRow    = 0,
  parameter int unsigned LoopEndRow = 0,
  parameter int unsigned LoopRounds = 1,
  parameter int unsigned LoopStep   = 0,
  parameter int unsigned XAddrBits  = 1,
  parameter int unsigned FreeBits   = 2,
  parameter int unsigned LoadedBits = 3,
  parameter              NeedFile   = "",
  parameter bit          Ultra      = 1'b0
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic [Width-1:0]     s_data_i,
  input  logic                 s_valid_i,
  output logic                 s_ready_o,
  input  logic                 primed_i,
  output logic                 row_avail_o,
  input  logic                 row_take_i,
  input  logic [FreeBits-1:0]  release_i,
  input  logic [XAddrBits-1:0] read_addr_i,
  input  logic [3:0]           step_i,
  output logic [Width-1:0]     x_o,
  output logic [3:0]           step_o
);
  logic                 write, row_done;
  logic [XAddrBits-1:0] write_addr;
  logic [1:0]           valid_q, first_q, last_q, idle_q;

  g2h_loader #(
    .Rows    (Rows),
    .RowWords(RowWords),
    .AddrBits(XAddrBits),
    .FreeBits(FreeBits)
  ) u_loader (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .primed_i  (primed_i),
    .s_valid_i (s_valid_i),
    .s_ready_o (s_ready_o),
    .release_i (release_i),
    .write_o   (write),
    .addr_o    (write_addr),
    .row_done_o(row_done)
  );

  g2h_row_grant #(
    .InRows    (InRows),
    .OutRows   (OutRows),
    .LoadedBits(LoadedBits),
    .FirstNeed (FirstNeed),
    .LoopRow   (LoopRow),
    .LoopEndRow(LoopEndRow),
    .LoopRounds(LoopRounds),
    .LoopStep  (LoopStep),
    .NeedFile  (NeedFile)
  ) u_row_grant (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .row_done_i(row_done),
    .take_i    (row_take_i),
    .avail_o   (row_avail_o)
  );

  g2h_line_buffer #(
    .Width   (Width),
    .Depth   (Rows * RowWords),
    .AddrBits(XAddrBits),
    .Ultra   (Ultra)
  ) u_line_buffer (
    .clk_i       (clk_i),
    .write_i     (write),
    .write_addr_i(write_addr),
    .write_data_i(s_data_i),
    .read_addr_i (read_addr_i),
    .read_data_o (x_o)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[0], step_i[3]};
  end

  always_ff @(posedge clk_i) begin
    first_q <= {first_q[0], step_i[2]};
    last_q  <= {last_q[0], step_i[1]};
    idle_q  <= {idle_q[0], step_i[0]};
  end

  assign step_o = {valid_q[1], first_q[1], last_q[1], idle_q[1]};
endmodule
