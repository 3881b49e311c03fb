// g2h_feeder: circular line buffer with its loader, and the tap sequencer that reads it.
//
// Equation    see g2h_sequencer; x_o is the line buffer's word for the step, SIMD input channels of one input pixel.
// Memory      Rows * RowWords words of Width bits, one write and one read port, read registered twice (block RAM with
//             its output register); loading of following rows and of the next frame overlaps the work on this one.
// Latency     step issued in clock t: w_addr_o in clock t + 4; x_o, valid_o, first_o, last_o in clock t + 6 (a weight
//             source with two registers is aligned with them).  The last word of a needed row accepted in clock t:
//             first step in clock t + 2 at the earliest.  Last step of a row issued in clock t: the rows that it frees
//             let s_ready_o rise in clock t + 5.
// Handshake   stream in with registered ready; no ready at the output: the sequencer owns credits of the queue behind.
// Parameters  see g2h_loader, g2h_row_grant, g2h_sequencer.
module g2h_feeder #(
  parameter int unsigned Width       = 8,
  parameter int unsigned InRows      = 1,
  parameter int unsigned Rows        = 1,
  parameter int unsigned RowWords    = 1,
  parameter int unsigned OutRows     = 1,
  parameter int unsigned YTaps       = 1,
  parameter int unsigned XTaps       = 1,
  parameter int unsigned CoFolds     = 1,
  parameter int unsigned CiFolds     = 1,
  parameter int unsigned Groups      = 1,
  parameter int unsigned FirstNeed   = 1,
  parameter int unsigned AccDepth    = 16,
  parameter int unsigned XAddrBits   = 1,
  parameter int unsigned WAddrBits   = 1,
  parameter int unsigned FreeBits    = 2,
  parameter int unsigned LoadedBits  = 3,
  parameter              XTapFile    = "",
  parameter              YTapFile    = "",
  parameter              NeedFile    = "",
  parameter              ReleaseFile = ""
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic [Width-1:0]     s_data_i,
  input  logic                 s_valid_i,
  output logic                 s_ready_o,
  input  logic                 acc_freed_i,
  output logic [WAddrBits-1:0] w_addr_o,
  output logic [Width-1:0]     x_o,
  output logic                 valid_o,
  output logic                 first_o,
  output logic                 last_o
);
  logic                 write, row_done, row_avail, row_take;
  logic [XAddrBits-1:0] write_addr, read_addr;
  logic [FreeBits-1:0]  free_rows;
  logic                 step_valid, step_first, step_last;
  logic [1:0]           valid_q, first_q, last_q;

  g2h_loader #(
    .Rows    (Rows),
    .RowWords(RowWords),
    .AddrBits(XAddrBits),
    .FreeBits(FreeBits)
  ) u_loader (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .s_valid_i (s_valid_i),
    .s_ready_o (s_ready_o),
    .release_i (free_rows),
    .write_o   (write),
    .addr_o    (write_addr),
    .row_done_o(row_done)
  );

  g2h_row_grant #(
    .InRows    (InRows),
    .OutRows   (OutRows),
    .LoadedBits(LoadedBits),
    .FirstNeed (FirstNeed),
    .NeedFile  (NeedFile)
  ) u_row_grant (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .row_done_i(row_done),
    .take_i    (row_take),
    .avail_o   (row_avail)
  );

  g2h_sequencer #(
    .InRows     (InRows),
    .Rows       (Rows),
    .RowWords   (RowWords),
    .OutRows    (OutRows),
    .YTaps      (YTaps),
    .XTaps      (XTaps),
    .CoFolds    (CoFolds),
    .CiFolds    (CiFolds),
    .Groups     (Groups),
    .AccDepth   (AccDepth),
    .XAddrBits  (XAddrBits),
    .WAddrBits  (WAddrBits),
    .FreeBits   (FreeBits),
    .XTapFile   (XTapFile),
    .YTapFile   (YTapFile),
    .ReleaseFile(ReleaseFile)
  ) u_sequencer (
    .clk_i      (clk_i),
    .rst_ni     (rst_ni),
    .row_avail_i(row_avail),
    .row_take_o (row_take),
    .acc_freed_i(acc_freed_i),
    .x_addr_o   (read_addr),
    .w_addr_o   (w_addr_o),
    .valid_o    (step_valid),
    .first_o    (step_first),
    .last_o     (step_last),
    .release_o  (free_rows)
  );

  g2h_line_buffer #(
    .Width   (Width),
    .Depth   (Rows * RowWords),
    .AddrBits(XAddrBits)
  ) u_line_buffer (
    .clk_i       (clk_i),
    .write_i     (write),
    .write_addr_i(write_addr),
    .write_data_i(s_data_i),
    .read_addr_i (read_addr),
    .read_data_o (x_o)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[0], step_valid};
  end

  always_ff @(posedge clk_i) begin
    first_q <= {first_q[0], step_first};
    last_q  <= {last_q[0], step_last};
  end

  assign valid_o = valid_q[1];
  assign first_o = first_q[1];
  assign last_o  = last_q[1];
endmodule
