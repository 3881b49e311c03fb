// tiny_dcgan_l3_conv: engine of layer l3_conv (conv).
//
// ONNX source      conv + image
// Input            8 x 8 x 6 of uint8, zero point 0, 6 elements a beat, 64 beats a frame
// Output           8 x 8 x 1 of int8, 1 elements a beat, 64 beats a frame
// Folding          PE 1 x SIMD 6, 1 requantized a clock
// Work             2904 useful MACs in 484 clocks a frame, one step each
// Line buffer      4 rows of 8 words: 3 are alive at once, the others let loading run ahead
// Weights          codec raw, 9 words for 6 multipliers: one word a clock, each weight stored once
// Accumulators     int20, exact; queue of 16 vectors covers the MAC pipeline and the fastest pixels
// Tap memories     one entry per column tap and per row tap, with constants already multiplied in
// Requantizer      one memory word per 1 channels: multipliers, offsets, thresholds
// Table            2048 words, one copy per lane, indexed by the requantized code
`ifndef GAN2HLS_MEM_DIR
`define GAN2HLS_MEM_DIR "mem/"
`endif

module tiny_dcgan_l3_conv (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic [47:0] s_data_i,
  input  logic s_valid_i,
  output logic s_ready_o,
  output logic [7:0] m_data_o,
  output logic m_valid_o,
  input  logic m_ready_i
);
  logic [19:0] acc;
  logic acc_valid, acc_ready;
  logic [10:0] code;
  logic code_valid;
  logic out_freed;
  logic primed, row_avail, row_take;
  logic [3:0] free_rows;
  logic [4:0] x_addr;
  logic [3:0] w_addr;
  logic [0:0] w_co;
  logic [47:0] w_word;
  logic [47:0] weight;
  logic [47:0] x;
  logic [3:0] issued, step;
  logic [19:0] vector;
  logic vector_valid, acc_freed;

  g2h_feeder #(
    .Width(48),
    .InRows(8),
    .Rows(4),
    .RowWords(8),
    .OutRows(8),
    .XAddrBits(5),
    .FreeBits(4),
    .FirstNeed(2),
    .LoadedBits(5),
    .NeedFile({`GAN2HLS_MEM_DIR, "l3_conv_need.mem"})
  ) u_feeder (
    .clk_i      (clk_i),
    .rst_ni     (rst_ni),
    .s_data_i   (s_data_i),
    .s_valid_i  (s_valid_i),
    .s_ready_o  (s_ready_o),
    .primed_i   (primed),
    .row_avail_o(row_avail),
    .row_take_i (row_take),
    .release_i  (free_rows),
    .read_addr_i(x_addr),
    .step_i     (issued),
    .x_o        (x),
    .step_o     (step)
  );

  g2h_sequencer #(
    .InRows(8),
    .Rows(4),
    .RowWords(8),
    .OutRows(8),
    .XAddrBits(5),
    .WAddrBits(4),
    .FreeBits(4),
    .CoFolds(1),
    .CoBits(1),
    .YTaps(22),
    .XTaps(22),
    .CiFolds(1),
    .Groups(1),
    .AccDepth(16),
    .XTapFile({`GAN2HLS_MEM_DIR, "l3_conv_x_taps.mem"}),
    .YTapFile({`GAN2HLS_MEM_DIR, "l3_conv_y_taps.mem"}),
    .ReleaseFile({`GAN2HLS_MEM_DIR, "l3_conv_release.mem"})
  ) u_sequencer (
    .clk_i      (clk_i),
    .rst_ni     (rst_ni),
    .primed_o   (primed),
    .row_avail_i(row_avail),
    .row_take_o (row_take),
    .acc_freed_i(acc_freed),
    .x_addr_o   (x_addr),
    .w_addr_o   (w_addr),
    .co_o       (w_co),
    .step_o     (issued),
    .release_o  (free_rows)
  );

  g2h_rom #(
    .Width(48),
    .Depth(9),
    .AddrBits(4),
    .File({`GAN2HLS_MEM_DIR, "l3_conv_weight.mem"})
  ) u_codes (
    .clk_i (clk_i),
    .addr_i(w_addr),
    .data_o(w_word)
  );

  g2h_wsrc_raw #(
    .Lanes(6),
    .Pe(1),
    .Simd(6),
    .WeightBits(8),
    .WordBits(48),
    .AddrBits(4),
    .CoFolds(1),
    .CoBits(1),
    .CodeBits(8),
    .CodeSigned(1),
    .Base(0)
  ) u_wsrc (
    .clk_i   (clk_i),
    .addr_i  (w_addr),
    .co_i    (w_co),
    .word_i  (w_word),
    .weight_o(weight)
  );

  g2h_mac #(
    .Pe(1),
    .Simd(6),
    .ElemBits(8),
    .ElemSigned(1'b0),
    .ZeroPoint(0),
    .CentredBits(9),
    .WeightBits(8),
    .AccBits(20),
    .Multiply(1)
  ) u_mac (
    .clk_i   (clk_i),
    .rst_ni  (rst_ni),
    .valid_i (step[3]),
    .first_i (step[2]),
    .last_i  (step[1]),
    .idle_i  (step[0]),
    .x_i     (x),
    .weight_i(weight),
    .valid_o (vector_valid),
    .acc_o   (vector)
  );

  g2h_fifo #(
    .Width(20),
    .Ratio(1),
    .Depth(16)
  ) u_acc_fifo (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (vector_valid),
    .data_i (vector),
    .freed_o(acc_freed),
    .data_o (acc),
    .valid_o(acc_valid),
    .ready_i(acc_ready)
  );

  g2h_requant #(
    .Lanes(1),
    .Groups(1),
    .AccBits(20),
    .Pieces(1),
    .MultBits(18),
    .OffsetBits(34),
    .SumBits(37),
    .Shift(22),
    .HalfEven(1'b0),
    .CodeBits(16),
    .ZeroPoint(0),
    .Lo(0),
    .Hi(2047),
    .OutBits(11),
    .OutDepth(16),
    .File({`GAN2HLS_MEM_DIR, "l3_conv_requant.mem"})
  ) u_requant (
    .clk_i      (clk_i),
    .rst_ni     (rst_ni),
    .s_acc_i    (acc),
    .s_valid_i  (acc_valid),
    .s_ready_o  (acc_ready),
    .out_freed_i(out_freed),
    .valid_o    (code_valid),
    .code_o     (code)
  );

  logic [7:0] value;
  logic value_valid;

  g2h_table #(
    .Lanes(1),
    .IndexBits(11),
    .Signed(1'b0),
    .OutBits(8),
    .File({`GAN2HLS_MEM_DIR, "l3_conv_table.mem"})
  ) u_table (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .valid_i(code_valid),
    .code_i (code),
    .valid_o(value_valid),
    .data_o (value)
  );

  g2h_fifo #(
    .Width(8),
    .Ratio(1),
    .Depth(16)
  ) u_out_fifo (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (value_valid),
    .data_i (value),
    .freed_o(out_freed),
    .data_o (m_data_o),
    .valid_o(m_valid_o),
    .ready_i(m_ready_i)
  );
endmodule
