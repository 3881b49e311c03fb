// tiny_dcgan_l2_conv_transpose: engine of layer l2_conv_transpose (conv_transpose).
//
// ONNX source      up2 + up2_act
// Input            4 x 4 x 8 of uint8, zero point 41, 2 elements a beat, 64 beats a frame
// Output           8 x 8 x 6 of uint8, 2 elements a beat, 192 beats a frame
// Folding          PE 6 x SIMD 2, 2 requantized a clock
// Work             5808 useful MACs in 484 clocks a frame, one step each
// Line buffer      2 rows of 16 words: 2 are alive at once, the others let loading run ahead
// Weights          codec raw, 36 words for 12 multipliers: one word a clock, each weight stored once
// Accumulators     int21, exact; queue of 16 vectors covers the MAC pipeline and the fastest pixels
// Tap memories     one entry per column tap and per row tap, with constants already multiplied in
// Requantizer      one memory word per 2 channels: multipliers, offsets, thresholds
`ifndef GAN2HLS_MEM_DIR
`define GAN2HLS_MEM_DIR "mem/"
`endif

module tiny_dcgan_l2_conv_transpose (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic [15:0] s_data_i,
  input  logic s_valid_i,
  output logic s_ready_o,
  output logic [15:0] m_data_o,
  output logic m_valid_o,
  input  logic m_ready_i
);
  logic [41:0] acc;
  logic acc_valid, acc_ready;
  logic [15:0] code;
  logic code_valid;
  logic out_freed;
  logic primed, row_avail, row_take;
  logic [2:0] free_rows;
  logic [4:0] x_addr;
  logic [5:0] w_addr;
  logic [0:0] w_co;
  logic [95:0] w_word;
  logic [95:0] weight;
  logic [15:0] x;
  logic [3:0] issued, step;
  logic [125:0] vector;
  logic vector_valid, acc_freed;

  g2h_feeder #(
    .Width(16),
    .InRows(4),
    .Rows(2),
    .RowWords(16),
    .OutRows(8),
    .XAddrBits(5),
    .FreeBits(3),
    .FirstNeed(1),
    .LoadedBits(4),
    .NeedFile({`GAN2HLS_MEM_DIR, "l2_conv_transpose_need.mem"})
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
    .InRows(4),
    .Rows(2),
    .RowWords(16),
    .OutRows(8),
    .XAddrBits(5),
    .WAddrBits(6),
    .FreeBits(3),
    .CoFolds(1),
    .CoBits(1),
    .YTaps(11),
    .XTaps(11),
    .CiFolds(4),
    .Groups(1),
    .AccDepth(16),
    .XTapFile({`GAN2HLS_MEM_DIR, "l2_conv_transpose_x_taps.mem"}),
    .YTapFile({`GAN2HLS_MEM_DIR, "l2_conv_transpose_y_taps.mem"}),
    .ReleaseFile({`GAN2HLS_MEM_DIR, "l2_conv_transpose_release.mem"})
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
    .Width(96),
    .Depth(36),
    .AddrBits(6),
    .File({`GAN2HLS_MEM_DIR, "l2_conv_transpose_weight.mem"})
  ) u_codes (
    .clk_i (clk_i),
    .addr_i(w_addr),
    .data_o(w_word)
  );

  g2h_wsrc_raw #(
    .Lanes(12),
    .Pe(6),
    .Simd(2),
    .WeightBits(8),
    .WordBits(96),
    .AddrBits(6),
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
    .Pe(6),
    .Simd(2),
    .ElemBits(8),
    .ElemSigned(1'b0),
    .ZeroPoint(41),
    .CentredBits(9),
    .WeightBits(8),
    .AccBits(21),
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
    .Width(42),
    .Ratio(3),
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
    .Lanes(2),
    .Groups(3),
    .AccBits(21),
    .Pieces(1),
    .MultBits(18),
    .OffsetBits(29),
    .SumBits(38),
    .Shift(23),
    .HalfEven(1'b0),
    .CodeBits(16),
    .ZeroPoint(0),
    .Lo(0),
    .Hi(255),
    .OutBits(8),
    .OutDepth(16),
    .File({`GAN2HLS_MEM_DIR, "l2_conv_transpose_requant.mem"})
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

  g2h_fifo #(
    .Width(16),
    .Ratio(1),
    .Depth(16)
  ) u_out_fifo (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .push_i (code_valid),
    .data_i (code),
    .freed_o(out_freed),
    .data_o (m_data_o),
    .valid_o(m_valid_o),
    .ready_i(m_ready_i)
  );
endmodule
