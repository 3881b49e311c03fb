// g2h_skip_walk: issues a MAC step for each stored block of weights that an output pixel needs, and for no other.
//
// Equation    for each output pixel, in the order of g2h_skip_fetch, for each of its runs, for each block w of the run:
//               x_addr = (row base of the pixel + y_step[y of w]) mod (Rows * RowWords) + column of the pixel + x of w
//             The row base is that of the first input row that the pixel may read, wrapped; the column may be negative,
//             sums of columns are modulo 2**XAddrBits.  A vector without blocks is one step that multiplies nothing.
//             A part is a fold of a band of output rows: with Folds 1 and BandRows 1 a row with all output folds, else
//             Folds is CoFolds and a part belongs to one of them.
// Memory      displacement[Depth]: {y, x}, a word per stored block: x is its input column's words and its input fold
//             and group; y numbers the words of y_step[YSteps], n * RowWords; absent with YSteps 1.
//             release_rom[OutRows / BandRows]: input rows that are no longer used after each band.  See g2h_skip_fetch
//             for the rest.
// Latency     a step issued in clock t has x_addr_o, co_o, step_o in clock t + 6: displacement, its output register,
//             y_step and column, row, wrap, final sum; block_o, its address among all blocks, and part_last_o, whether a
//             part's last step stands there, in clock t + 4.  release_o comes with the band's last address.
// Handshake   as g2h_sequencer, but the first step of a part waits for part_avail_i: band_first_o, a register, says
//             whether the next part begins a band.  Runs are prefetched, so no step ever waits for one once reset is over.
// Parameters  as g2h_sequencer and g2h_skip_fetch; ColumnBits is the width of x, BlockBits holds Depth - 1.
module g2h_skip_walk #(
  parameter int unsigned InRows           = 1,
  parameter int unsigned Rows             = 1,
  parameter int unsigned RowWords         = 1,
  parameter int unsigned OutRows          = 1,
  parameter int unsigned XAddrBits        = 1,
  parameter int unsigned BlockBits        = 1,
  parameter int unsigned FreeBits         = 2,
  parameter int unsigned CoFolds          = 1,
  parameter int unsigned CoBits           = 1,
  parameter int unsigned AccDepth         = 16,
  parameter int unsigned Depth            = 1,
  parameter int unsigned YSteps           = 1,
  parameter int unsigned ColumnBits       = 1,
  parameter int unsigned OutColumns       = 1,
  parameter int unsigned BandRows         = 1,
  parameter int unsigned Folds            = 1,
  parameter int unsigned Pairs            = 1,
  parameter int unsigned Runs             = 1,
  parameter int unsigned LengthBits       = 1,
  parameter int unsigned PairBits         = 1,
  parameter int unsigned RunBits          = 1,
  parameter int unsigned RestBits         = 1,
  parameter              XOriginFile      = "",
  parameter              YOriginFile      = "",
  parameter              PairFile         = "",
  parameter              RunFile          = "",
  parameter              DisplacementFile = "",
  parameter              ReleaseFile      = ""
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  output logic                 primed_o,
  input  logic                 part_avail_i,
  output logic                 part_take_o,
  output logic                 band_first_o,
  input  logic                 acc_freed_i,
  output logic [XAddrBits-1:0] x_addr_o,
  output logic [BlockBits-1:0] block_o,
  output logic                 part_last_o,
  output logic [CoBits-1:0]    co_o,
  output logic [3:0]           step_o,
  output logic [FreeBits-1:0]  release_o
);
  localparam int unsigned Total    = Rows * RowWords;
  localparam int unsigned Bands    = OutRows / BandRows;
  localparam int unsigned RPtrBits = (Bands > 1) ? $clog2(Bands) : 1;
  localparam int unsigned YBits    = $clog2(YSteps);
  localparam int unsigned WordBits = YBits + ColumnBits;

  logic [FreeBits-1:0] release_rom [0:Bands-1];

  if (ReleaseFile != "") begin : g_init
    initial $readmemh(ReleaseFile, release_rom);
  end

  // Steps.  Invariant: fresh_q: the run at the queue has not begun; else addr_q is its next block, left_q how many
  // blocks follow that one.
  logic                  run_valid, run_idle, run_vector_last, run_part_last, run_done;
  logic [BlockBits-1:0]  run_start, addr_q, addr;
  logic [LengthBits-1:0] run_more, left_q, left;
  logic [XAddrBits-1:0]  run_row, run_column;
  logic                  fresh_q, first_q, part_first_q, band_first_q, credit, go;
  logic                  vector_done, part_done, band_done, co_last, co_done;
  logic [CoBits-1:0]     co_q;

  g2h_skip_fetch #(
    .InRows     (InRows),
    .Rows       (Rows),
    .RowWords   (RowWords),
    .OutRows    (OutRows),
    .OutColumns (OutColumns),
    .BandRows   (BandRows),
    .Folds      (Folds),
    .Pairs      (Pairs),
    .Runs       (Runs),
    .XAddrBits  (XAddrBits),
    .WAddrBits  (BlockBits),
    .LengthBits (LengthBits),
    .PairBits   (PairBits),
    .RunBits    (RunBits),
    .RestBits   (RestBits),
    .XOriginFile(XOriginFile),
    .YOriginFile(YOriginFile),
    .PairFile   (PairFile),
    .RunFile    (RunFile)
  ) u_fetch (
    .clk_i        (clk_i),
    .rst_ni       (rst_ni),
    .primed_o     (primed_o),
    .valid_o      (run_valid),
    .ready_i      (go && run_done),
    .start_o      (run_start),
    .more_o       (run_more),
    .idle_o       (run_idle),
    .vector_last_o(run_vector_last),
    .part_last_o  (run_part_last),
    .row_base_o   (run_row),
    .column_o     (run_column)
  );

  assign addr        = fresh_q ? run_start : addr_q;
  assign left        = fresh_q ? run_more : left_q;
  assign run_done    = left == '0;
  assign vector_done = run_done && run_vector_last;
  assign part_done   = run_done && run_part_last;
  assign co_last     = co_q == CoBits'(CoFolds - 1);
  assign band_done   = part_done && (Folds == 1 || co_last);
  assign co_done     = (Folds == 1) ? vector_done : part_done;
  assign go          = run_valid && (!first_q || credit) && (!part_first_q || part_avail_i);
  assign part_take_o = go && part_first_q;

  assign band_first_o = band_first_q;

  g2h_credit #(
    .Depth(AccDepth)
  ) u_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (go && first_q),
    .give_i (acc_freed_i),
    .avail_o(credit)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fresh_q      <= 1'b1;
      first_q      <= 1'b1;
      part_first_q <= 1'b1;
      band_first_q <= 1'b1;
      co_q         <= '0;
    end else if (go) begin
      fresh_q      <= run_done;
      first_q      <= vector_done;
      part_first_q <= part_done;
      band_first_q <= band_done;
      if (co_done) co_q <= co_last ? '0 : co_q + CoBits'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (go) begin
      addr_q <= addr + BlockBits'(1);
      left_q <= left - LengthBits'(1);
    end
  end

  // Stages 1 and 2: displacement.  Stage 3: y_step, column.  Stage 4: row.  Stage 5: wrap.  Stage 6: final sum.
  logic [WordBits-1:0]    word;
  logic [XAddrBits-1:0]   s1_row_q, s1_column_q, s2_row_q, s2_column_q, y_offset, s3_row_q, s3_y_q, s3_column_q;
  logic [XAddrBits:0]     s4_row_q;
  logic [XAddrBits-1:0]   s4_column_q, s5_row_q, s5_column_q, s6_x_q;
  logic [4*BlockBits-1:0] addr_pipe_q;
  logic [6*CoBits-1:0]    co_pipe_q;
  logic [5:0]             valid_q, first_pipe_q, last_pipe_q, idle_pipe_q;
  logic [3:0]             part_done_q;
  logic [4:0]             band_done_q;
  logic [RPtrBits-1:0]    r_q;
  logic [FreeBits-1:0]    release_q;
  logic                   free_rows;

  g2h_rom #(
    .Width   (WordBits),
    .Depth   (Depth),
    .AddrBits(BlockBits),
    .File    (DisplacementFile)
  ) u_displacement (
    .clk_i (clk_i),
    .addr_i(addr),
    .data_o(word)
  );

  if (YSteps == 1) begin : g_one_row
    assign y_offset = '0;
  end else begin : g_rows
    logic [XAddrBits-1:0] y_step [0:YSteps-1];
    for (genvar n = 0; n < YSteps; n++) begin : g_step
      assign y_step[n] = XAddrBits'(n * RowWords);
    end
    assign y_offset = y_step[word[ColumnBits+:YBits]];
  end

  always_ff @(posedge clk_i) begin
    s1_row_q     <= run_row;
    s1_column_q  <= run_column;
    s2_row_q     <= s1_row_q;
    s2_column_q  <= s1_column_q;

    s3_row_q     <= s2_row_q;
    s3_y_q       <= y_offset;
    s3_column_q  <= s2_column_q + XAddrBits'(word[ColumnBits-1:0]);

    s4_row_q     <= (XAddrBits + 1)'(s3_row_q) + (XAddrBits + 1)'(s3_y_q);
    s4_column_q  <= s3_column_q;

    s5_row_q     <= (s4_row_q >= (XAddrBits + 1)'(Total)) ? XAddrBits'(s4_row_q - (XAddrBits + 1)'(Total))
                                                          : s4_row_q[XAddrBits-1:0];
    s5_column_q  <= s4_column_q;

    s6_x_q       <= s5_row_q + s5_column_q;

    addr_pipe_q  <= {addr_pipe_q[3*BlockBits-1:0], addr};
    co_pipe_q    <= {co_pipe_q[5*CoBits-1:0], co_q};
    first_pipe_q <= {first_pipe_q[4:0], first_q};
    last_pipe_q  <= {last_pipe_q[4:0], vector_done};
    idle_pipe_q  <= {idle_pipe_q[4:0], run_idle};
    part_done_q  <= {part_done_q[2:0], part_done};
    band_done_q  <= {band_done_q[3:0], band_done};
  end

  assign free_rows = valid_q[4] && band_done_q[4];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q   <= '0;
      r_q       <= '0;
      release_q <= '0;
    end else begin
      valid_q   <= {valid_q[4:0], go};
      release_q <= free_rows ? release_rom[r_q] : '0;
      if (free_rows) r_q <= (r_q == RPtrBits'(Bands - 1)) ? '0 : r_q + RPtrBits'(1);
    end
  end

  assign x_addr_o    = s6_x_q;
  assign block_o     = addr_pipe_q[3*BlockBits+:BlockBits];
  assign part_last_o = valid_q[3] && part_done_q[3];
  assign co_o        = co_pipe_q[5*CoBits+:CoBits];
  assign step_o      = {valid_q[5], first_pipe_q[5], last_pipe_q[5], idle_pipe_q[5]};
  assign release_o   = release_q;
endmodule
