// g2h_skip_fetch: walks the output pixels and fetches their runs of stored blocks, ahead of the sequencer.
//
// Equation    for each band of BandRows output rows with taps, for each of Folds, for each output pixel of the band with
//             taps (raster), for n < number of runs of its pair of classes (in the fold):
//               run_o = runs[first run of the pair + n], with the origin of the pixel's inputs:
//               row_base_o = (frame_base + origin row * RowWords) mod (Rows * RowWords), column_o its column's words
//             frame_base advances by (InRows mod Rows) * RowWords a frame.  With Folds 1 and BandRows 1 pixels come in
//             raster order, each one once, and its runs are those of all output folds.
// Memory      y_rom[OutRows]: {row class * column classes, (origin row mod Rows) * RowWords};
//             x_rom[OutColumns]: {column class, origin column * CI/SIMD}, two's complement, for it may be negative;
//             pair_rom[Folds * Pairs]: {runs - 1, first run}, the pairs of classes by row class, fold by fold;
//             run memory[Runs]: {ends its vector, length, start}.
// Latency     the first run stands at the port 9 clocks after reset, and primed_o rises 3 clocks before: a row's first
//             word is then taken at most 2 clocks before the first step can be issued.  From then on a run a clock,
//             across pixels, rows and frames: two queues of 8 hide the latency of the memories.
// Handshake   valid_o with ready_i; ready_i reaches registers of this module only.  part_last_o marks the last run
//             of a fold of a band.  A vector without any block is a run with idle_o and more_o 0; else more_o is length - 1.
// Parameters  XAddrBits holds Rows * RowWords - 1, WAddrBits the greatest block address, LengthBits the longest run,
//             PairBits, RunBits addresses of pairs and runs, RestBits the greatest number of runs - 1 of a pair; BandRows
//             divides OutRows.
module g2h_skip_fetch #(
  parameter int unsigned InRows      = 1,
  parameter int unsigned Rows        = 1,
  parameter int unsigned RowWords    = 1,
  parameter int unsigned OutRows     = 1,
  parameter int unsigned OutColumns  = 1,
  parameter int unsigned BandRows    = 1,
  parameter int unsigned Folds       = 1,
  parameter int unsigned Pairs       = 1,
  parameter int unsigned Runs        = 1,
  parameter int unsigned XAddrBits   = 1,
  parameter int unsigned WAddrBits   = 1,
  parameter int unsigned LengthBits  = 1,
  parameter int unsigned PairBits    = 1,
  parameter int unsigned RunBits     = 1,
  parameter int unsigned RestBits    = 1,
  parameter              XOriginFile = "",
  parameter              YOriginFile = "",
  parameter              PairFile    = "",
  parameter              RunFile     = ""
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  output logic                  primed_o,
  output logic                  valid_o,
  input  logic                  ready_i,
  output logic [WAddrBits-1:0]  start_o,
  output logic [LengthBits-1:0] more_o,
  output logic                  idle_o,
  output logic                  vector_last_o,
  output logic                  part_last_o,
  output logic [XAddrBits-1:0]  row_base_o,
  output logic [XAddrBits-1:0]  column_o
);
  localparam int unsigned Total      = Rows * RowWords;
  localparam int unsigned FrameStep  = (InRows % Rows) * RowWords;
  localparam int unsigned RPtrBits   = (OutRows > 1) ? $clog2(OutRows) : 1;
  localparam int unsigned CPtrBits   = (OutColumns > 1) ? $clog2(OutColumns) : 1;
  localparam int unsigned QueueDepth = 8;
  localparam int unsigned PixelBits  = 1 + 2 * XAddrBits + RestBits + RunBits;
  localparam int unsigned RomBits    = 1 + LengthBits + WAddrBits;
  localparam int unsigned EntryBits  = 3 + 2 * XAddrBits + LengthBits + WAddrBits;

  logic [PairBits+XAddrBits-1:0] x_rom [0:OutColumns-1];
  logic [PairBits+XAddrBits-1:0] y_rom [0:OutRows-1];
  logic [RestBits+RunBits-1:0]   pair_rom [0:Folds*Pairs-1];

  if (XOriginFile != "" && YOriginFile != "" && PairFile != "") begin : g_init
    initial begin
      $readmemh(XOriginFile, x_rom);
      $readmemh(YOriginFile, y_rom);
      $readmemh(PairFile, pair_rom);
    end
  end

  // Pixels.  Stage 1: ROM words of row and column.  Stage 2: pair of classes, origin within the line buffer.  Stage 3:
  // runs of the pair, wrap around the line buffer.
  logic [RPtrBits-1:0]           r_d, r_q;
  logic [CPtrBits-1:0]           c_q;
  logic [XAddrBits-1:0]          frame_base_q;
  logic [PairBits-1:0]           fold_pair, s1_pair_q;  // the first pair of the fold
  logic                          pixel_credit, pixel_freed, column_last, band_row_last, fold_last, part_last, frame_done;
  logic [2:0]                    pixel_valid_q, part_last_q;
  logic [PairBits+XAddrBits-1:0] s1_x_q, s1_y_q;
  logic [XAddrBits-1:0]          s1_base_q, s2_column_q, s3_column_q, s3_row_q;
  logic [XAddrBits:0]            s2_row_q;
  logic [PairBits-1:0]           s2_pair_q;
  logic [RestBits+RunBits-1:0]   s3_runs_q;

  assign column_last = c_q == CPtrBits'(OutColumns - 1);
  assign part_last   = column_last && band_row_last;
  assign frame_done  = part_last && fold_last && (r_q == RPtrBits'(OutRows - 1));

  g2h_credit #(
    .Depth(QueueDepth)
  ) u_pixel_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (pixel_credit),
    .give_i (pixel_freed),
    .avail_o(pixel_credit)
  );

  g2h_count #(
    .Count(BandRows)
  ) u_band_row (
    .clk_i (clk_i),
    .rst_ni(rst_ni),
    .step_i(pixel_credit && column_last),
    .last_o(band_row_last)
  );

  g2h_count #(
    .Count(Folds)
  ) u_fold (
    .clk_i (clk_i),
    .rst_ni(rst_ni),
    .step_i(pixel_credit && part_last),
    .last_o(fold_last)
  );

  if (Folds > 1) begin : g_folds
    // first_row_q is the first row of the band: each fold begins there.
    logic [RPtrBits-1:0] first_row_q;
    logic [PairBits-1:0] fold_pair_q;

    always_comb begin
      r_d = frame_done ? '0 : r_q + RPtrBits'(1);
      if (band_row_last && !fold_last) r_d = first_row_q;
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        first_row_q <= '0;
        fold_pair_q <= '0;
      end else if (pixel_credit && part_last) begin
        if (fold_last) first_row_q <= r_d;
        fold_pair_q <= fold_last ? '0 : fold_pair_q + PairBits'(Pairs);
      end
    end

    assign fold_pair = fold_pair_q;
  end else begin : g_one_fold
    assign r_d       = frame_done ? '0 : r_q + RPtrBits'(1);
    assign fold_pair = '0;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      r_q           <= '0;
      c_q           <= '0;
      pixel_valid_q <= '0;
    end else begin
      pixel_valid_q <= {pixel_valid_q[1:0], pixel_credit};
      if (pixel_credit) begin
        c_q <= column_last ? '0 : c_q + CPtrBits'(1);
        if (column_last) r_q <= r_d;
      end
    end
  end

  if (FrameStep == 0) begin : g_fixed_base
    assign frame_base_q = '0;
  end else begin : g_moving_base
    localparam int unsigned Wrap = Total - FrameStep;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) frame_base_q <= '0;
      else if (pixel_credit && frame_done) begin
        frame_base_q <= (frame_base_q >= XAddrBits'(Wrap)) ? frame_base_q - XAddrBits'(Wrap)
                                                           : frame_base_q + XAddrBits'(FrameStep);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    s1_x_q        <= x_rom[c_q];
    s1_y_q        <= y_rom[r_q];
    s1_base_q     <= frame_base_q;
    s1_pair_q     <= fold_pair;
    part_last_q   <= {part_last_q[1:0], part_last};

    s2_pair_q     <= s1_pair_q + s1_x_q[XAddrBits+:PairBits] + s1_y_q[XAddrBits+:PairBits];
    s2_row_q      <= (XAddrBits + 1)'(s1_base_q) + (XAddrBits + 1)'(s1_y_q[XAddrBits-1:0]);
    s2_column_q   <= s1_x_q[XAddrBits-1:0];

    s3_runs_q     <= pair_rom[s2_pair_q];
    s3_row_q      <= (s2_row_q >= (XAddrBits + 1)'(Total)) ? XAddrBits'(s2_row_q - (XAddrBits + 1)'(Total))
                                                           : s2_row_q[XAddrBits-1:0];
    s3_column_q   <= s2_column_q;
  end

  // Runs.  A pixel stays at the queue's output while its runs are fetched.
  logic [PixelBits-1:0]  pixel;
  logic [RestBits-1:0]   rest, left_q, left;
  logic [RunBits-1:0]    first, run_q, run;
  logic [XAddrBits-1:0]  pixel_row, pixel_column;
  logic                  pixel_valid, pixel_part_last, run_credit, run_freed, run_go, run_done, fresh_q, primed_q;
  logic [1:0]            run_valid_q, run_part_last_q;
  logic [XAddrBits-1:0]  t1_row_q, t1_column_q, t2_row_q, t2_column_q;
  logic [RomBits-1:0]    word;
  logic [LengthBits-1:0] length, more;
  logic                  idle;
  logic [EntryBits-1:0]  entry;

  g2h_fifo #(
    .Width(PixelBits),
    .Depth(QueueDepth)
  ) u_pixels (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (pixel_valid_q[2]),
    .data_i ({part_last_q[2], s3_row_q, s3_column_q, s3_runs_q}),
    .freed_o(pixel_freed),
    .data_o (pixel),
    .valid_o(pixel_valid),
    .ready_i(run_go && run_done)
  );

  assign {pixel_part_last, pixel_row, pixel_column, rest, first} = pixel;

  assign run      = fresh_q ? first : run_q;
  assign left     = fresh_q ? rest : left_q;
  assign run_done = left == '0;
  assign run_go   = pixel_valid && run_credit;
  assign primed_o = primed_q;

  g2h_credit #(
    .Depth(QueueDepth)
  ) u_run_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (run_go),
    .give_i (run_freed),
    .avail_o(run_credit)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fresh_q     <= 1'b1;
      primed_q    <= 1'b0;
      run_valid_q <= '0;
    end else begin
      run_valid_q <= {run_valid_q[0], run_go};
      primed_q    <= primed_q || run_go;
      if (run_go) fresh_q <= run_done;
    end
  end

  always_ff @(posedge clk_i) begin
    if (run_go) begin
      run_q  <= run + RunBits'(1);
      left_q <= left - RestBits'(1);
    end
    t1_row_q       <= pixel_row;
    t1_column_q    <= pixel_column;
    t2_row_q       <= t1_row_q;
    t2_column_q    <= t1_column_q;
    run_part_last_q <= {run_part_last_q[0], pixel_part_last && run_done};
  end

  g2h_rom #(
    .Width   (RomBits),
    .Depth   (Runs),
    .AddrBits(RunBits),
    .File    (RunFile)
  ) u_run_rom (
    .clk_i (clk_i),
    .addr_i(run),
    .data_o(word)
  );

  assign length = word[WAddrBits+:LengthBits];
  assign idle   = length == '0;
  assign more   = idle ? '0 : length - LengthBits'(1);
  assign entry  = {run_part_last_q[1], word[RomBits-1], idle, t2_row_q, t2_column_q, more, word[WAddrBits-1:0]};

  logic [EntryBits-1:0] head;

  g2h_fifo #(
    .Width(EntryBits),
    .Depth(QueueDepth)
  ) u_runs (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (run_valid_q[1]),
    .data_i (entry),
    .freed_o(run_freed),
    .data_o (head),
    .valid_o(valid_o),
    .ready_i(ready_i)
  );

  assign {part_last_o, vector_last_o, idle_o, row_base_o, column_o, more_o, start_o} = head;
endmodule
