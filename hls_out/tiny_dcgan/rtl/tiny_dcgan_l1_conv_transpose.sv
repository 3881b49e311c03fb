// tiny_dcgan_l1_conv_transpose: engine of layer l1_conv_transpose (conv_transpose).
//
// ONNX source      up1 + up1_bn + up1_act
// Input            2 x 2 x 12 of uint8, zero point 0, 4 elements a beat, 12 beats a frame
// Output           4 x 4 x 8 of uint8, 1 elements a beat, 128 beats a frame
// Folding          PE 2 x SIMD 4, 1 requantized a clock
// Work             3456 useful MACs in 432 clocks a frame, one step each
// Line buffer      2 rows of 6 words: 2 are alive at once, the others let loading run ahead
// Weights          codec raw, 192 words for 8 multipliers: one word a clock, each weight stored once
// Accumulators     int22, exact; queue of 16 vectors covers the MAC pipeline and the fastest pixels
// Tap memories     one entry per column tap and per row tap, with constants already multiplied in
// Requantizer      one memory word per 1 channels: multipliers, offsets, thresholds
`ifndef GAN2HLS_MEM_DIR
`define GAN2HLS_MEM_DIR "mem/"
`endif

module tiny_dcgan_l1_conv_transpose (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic [31:0] s_data_i,
  input  logic s_valid_i,
  output logic s_ready_o,
  output logic [7:0] m_data_o,
  output logic m_valid_o,
  input  logic m_ready_i
);
  logic [21:0] acc;
  logic acc_valid, acc_ready;
  logic [7:0] code;
  logic code_valid;
  logic out_freed;
  logic primed, row_avail, row_take;
  logic [2:0] free_rows;
  logic [3:0] x_addr;
  logic [7:0] w_addr;
  logic [1:0] w_co;
  logic [63:0] w_word;
  logic [63:0] weight;
  logic [31:0] x;
  logic [3:0] issued, step;
  logic [43:0] vector;
  logic vector_valid, acc_freed;

  g2h_feeder #(
    .Width(32),
    .InRows(2),
    .Rows(2),
    .RowWords(6),
    .OutRows(4),
    .XAddrBits(4),
    .FreeBits(3),
    .FirstNeed(1),
    .LoadedBits(4),
    .NeedFile({`GAN2HLS_MEM_DIR, "l1_conv_transpose_need.mem"})
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
    .InRows(2),
    .Rows(2),
    .RowWords(6),
    .OutRows(4),
    .XAddrBits(4),
    .WAddrBits(8),
    .FreeBits(3),
    .CoFolds(4),
    .CoBits(2),
    .YTaps(6),
    .XTaps(6),
    .CiFolds(3),
    .Groups(1),
    .AccDepth(16),
    .XTapFile({`GAN2HLS_MEM_DIR, "l1_conv_transpose_x_taps.mem"}),
    .YTapFile({`GAN2HLS_MEM_DIR, "l1_conv_transpose_y_taps.mem"}),
    .ReleaseFile({`GAN2HLS_MEM_DIR, "l1_conv_transpose_release.mem"})
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
    .Width(64),
    .Depth(192),
    .AddrBits(8),
    .File({`GAN2HLS_MEM_DIR, "l1_conv_transpose_weight.mem"})
  ) u_codes (
    .clk_i (clk_i),
    .addr_i(w_addr),
    .data_o(w_word)
  );

  g2h_wsrc_raw #(
    .Lanes(8),
    .Pe(2),
    .Simd(4),
    .WeightBits(8),
    .WordBits(64),
    .AddrBits(8),
    .CoFolds(4),
    .CoBits(2),
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
    .Pe(2),
    .Simd(4),
    .ElemBits(8),
    .ElemSigned(1'b0),
    .ZeroPoint(0),
    .CentredBits(9),
    .WeightBits(8),
    .AccBits(22),
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
    .Width(22),
    .Ratio(2),
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
    .Groups(8),
    .AccBits(22),
    .Pieces(2),
    .MultBits(18),
    .OffsetBits(30),
    .SumBits(39),
    .Shift(24),
    .HalfEven(1'b0),
    .CodeBits(17),
    .ZeroPoint(41),
    .Lo(0),
    .Hi(255),
    .OutBits(8),
    .OutDepth(16),
    .File({`GAN2HLS_MEM_DIR, "l1_conv_transpose_requant.mem"})
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
    .Width(8),
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
