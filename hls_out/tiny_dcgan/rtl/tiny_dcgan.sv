// tiny_dcgan: the whole accelerator, 4 engines in a row.
//
// s_axis   1 x 1 x 8 of uint8, 1 elements a beat, 8 beats a frame
// m_axis   8 x 8 x 1 of int8, 1 elements a beat, 64 beats a frame
//
// Raster order, channels innermost, element 0 in the least significant bits; tdata is padded with zeros to whole bytes.
// Frames are counted by their beats: s_axis_tlast is not needed and not looked at, m_axis_tlast marks a frame's last beat.
// Reset is synchronous and active low; it empties everything, in mid-frame too.
//
// With GAN2HLS_TRACE defined a simulation writes trace_<layer>.hex (each output beat of each engine) and, at its end,
// trace_counters.txt (layer, executed MAC steps, output beats, clocks spent on vectors without any block of weights, 1
// where an engine takes nothing of all that it is offered and offers nothing) to the current folder.
module tiny_dcgan (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic [7:0] s_axis_tdata,
  input  logic s_axis_tvalid,
  output logic s_axis_tready,
  input  logic s_axis_tlast,
  output logic [7:0] m_axis_tdata,
  output logic m_axis_tvalid,
  input  logic m_axis_tready,
  output logic m_axis_tlast
);
  logic unused_input;
  assign unused_input = &{1'b0, s_axis_tlast};

  logic [7:0] z_data;
  logic z_valid, z_ready;

  logic [7:0] l0_dense_data;
  logic l0_dense_valid, l0_dense_ready;

  logic [31:0] l1_conv_transpose_up_data;
  logic l1_conv_transpose_up_valid, l1_conv_transpose_up_ready;

  logic [7:0] l1_conv_transpose_data;
  logic l1_conv_transpose_valid, l1_conv_transpose_ready;

  logic [15:0] l2_conv_transpose_up_data;
  logic l2_conv_transpose_up_valid, l2_conv_transpose_up_ready;

  logic [15:0] l2_conv_transpose_data;
  logic l2_conv_transpose_valid, l2_conv_transpose_ready;

  logic [47:0] l3_conv_up_data;
  logic l3_conv_up_valid, l3_conv_up_ready;

  logic [7:0] l3_conv_data;
  logic l3_conv_valid, l3_conv_ready;

  assign z_data = s_axis_tdata[7:0];
  assign z_valid = s_axis_tvalid;
  assign s_axis_tready = z_ready;

  tiny_dcgan_l0_dense u_l0_dense (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_data_i (z_data),
    .s_valid_i(z_valid),
    .s_ready_o(z_ready),
    .m_data_o (l0_dense_data),
    .m_valid_o(l0_dense_valid),
    .m_ready_i(l0_dense_ready)
  );

  g2h_up #(
    .Width(8),
    .Ratio(4)
  ) u_l1_conv_transpose_up (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_data_i (l0_dense_data),
    .s_valid_i(l0_dense_valid),
    .s_ready_o(l0_dense_ready),
    .m_data_o (l1_conv_transpose_up_data),
    .m_valid_o(l1_conv_transpose_up_valid),
    .m_ready_i(l1_conv_transpose_up_ready)
  );

  tiny_dcgan_l1_conv_transpose u_l1_conv_transpose (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_data_i (l1_conv_transpose_up_data),
    .s_valid_i(l1_conv_transpose_up_valid),
    .s_ready_o(l1_conv_transpose_up_ready),
    .m_data_o (l1_conv_transpose_data),
    .m_valid_o(l1_conv_transpose_valid),
    .m_ready_i(l1_conv_transpose_ready)
  );

  g2h_up #(
    .Width(8),
    .Ratio(2)
  ) u_l2_conv_transpose_up (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_data_i (l1_conv_transpose_data),
    .s_valid_i(l1_conv_transpose_valid),
    .s_ready_o(l1_conv_transpose_ready),
    .m_data_o (l2_conv_transpose_up_data),
    .m_valid_o(l2_conv_transpose_up_valid),
    .m_ready_i(l2_conv_transpose_up_ready)
  );

  tiny_dcgan_l2_conv_transpose u_l2_conv_transpose (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_data_i (l2_conv_transpose_up_data),
    .s_valid_i(l2_conv_transpose_up_valid),
    .s_ready_o(l2_conv_transpose_up_ready),
    .m_data_o (l2_conv_transpose_data),
    .m_valid_o(l2_conv_transpose_valid),
    .m_ready_i(l2_conv_transpose_ready)
  );

  g2h_up #(
    .Width(16),
    .Ratio(3)
  ) u_l3_conv_up (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_data_i (l2_conv_transpose_data),
    .s_valid_i(l2_conv_transpose_valid),
    .s_ready_o(l2_conv_transpose_ready),
    .m_data_o (l3_conv_up_data),
    .m_valid_o(l3_conv_up_valid),
    .m_ready_i(l3_conv_up_ready)
  );

  tiny_dcgan_l3_conv u_l3_conv (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .s_data_i (l3_conv_up_data),
    .s_valid_i(l3_conv_up_valid),
    .s_ready_o(l3_conv_up_ready),
    .m_data_o (l3_conv_data),
    .m_valid_o(l3_conv_valid),
    .m_ready_i(l3_conv_ready)
  );

  g2h_last #(
    .Beats(64)
  ) u_last (
    .clk_i (clk_i),
    .rst_ni(rst_ni),
    .beat_i(l3_conv_valid && l3_conv_ready),
    .last_o(m_axis_tlast)
  );

  assign m_axis_tdata = l3_conv_data;
  assign m_axis_tvalid = l3_conv_valid;
  assign l3_conv_ready = m_axis_tready;

`ifdef GAN2HLS_TRACE
  int l0_dense_file;
  longint unsigned l0_dense_beats_q;
  initial l0_dense_file = $fopen("trace_l0_dense.hex", "w");
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      l0_dense_beats_q <= 0;
    end else if (l0_dense_valid && l0_dense_ready) begin
      l0_dense_beats_q <= l0_dense_beats_q + 1;
      $fwrite(l0_dense_file, "%h\n", l0_dense_data);
    end
  end

  int l1_conv_transpose_file;
  longint unsigned l1_conv_transpose_beats_q;
  initial l1_conv_transpose_file = $fopen("trace_l1_conv_transpose.hex", "w");
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      l1_conv_transpose_beats_q <= 0;
    end else if (l1_conv_transpose_valid && l1_conv_transpose_ready) begin
      l1_conv_transpose_beats_q <= l1_conv_transpose_beats_q + 1;
      $fwrite(l1_conv_transpose_file, "%h\n", l1_conv_transpose_data);
    end
  end

  int l2_conv_transpose_file;
  longint unsigned l2_conv_transpose_beats_q;
  initial l2_conv_transpose_file = $fopen("trace_l2_conv_transpose.hex", "w");
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      l2_conv_transpose_beats_q <= 0;
    end else if (l2_conv_transpose_valid && l2_conv_transpose_ready) begin
      l2_conv_transpose_beats_q <= l2_conv_transpose_beats_q + 1;
      $fwrite(l2_conv_transpose_file, "%h\n", l2_conv_transpose_data);
    end
  end

  int l3_conv_file;
  longint unsigned l3_conv_beats_q;
  initial l3_conv_file = $fopen("trace_l3_conv.hex", "w");
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      l3_conv_beats_q <= 0;
    end else if (l3_conv_valid && l3_conv_ready) begin
      l3_conv_beats_q <= l3_conv_beats_q + 1;
      $fwrite(l3_conv_file, "%h\n", l3_conv_data);
    end
  end

  int counters_file;
  final begin
    counters_file = $fopen("trace_counters.txt", "w");
    $fwrite(counters_file, "l0_dense %0d %0d %0d %0d\n", u_l0_dense.u_mac.executed_q,
            l0_dense_beats_q, u_l0_dense.u_mac.rested_q,
            !l0_dense_valid && z_valid && !z_ready);
    $fclose(l0_dense_file);
    $fwrite(counters_file, "l1_conv_transpose %0d %0d %0d %0d\n", u_l1_conv_transpose.u_mac.executed_q,
            l1_conv_transpose_beats_q, u_l1_conv_transpose.u_mac.rested_q,
            !l1_conv_transpose_valid && l1_conv_transpose_up_valid && !l1_conv_transpose_up_ready);
    $fclose(l1_conv_transpose_file);
    $fwrite(counters_file, "l2_conv_transpose %0d %0d %0d %0d\n", u_l2_conv_transpose.u_mac.executed_q,
            l2_conv_transpose_beats_q, u_l2_conv_transpose.u_mac.rested_q,
            !l2_conv_transpose_valid && l2_conv_transpose_up_valid && !l2_conv_transpose_up_ready);
    $fclose(l2_conv_transpose_file);
    $fwrite(counters_file, "l3_conv %0d %0d %0d %0d\n", u_l3_conv.u_mac.executed_q,
            l3_conv_beats_q, u_l3_conv.u_mac.rested_q,
            !l3_conv_valid && l3_conv_up_valid && !l3_conv_up_ready);
    $fclose(l3_conv_file);
    $fclose(counters_file);
  end
`endif
endmodule
