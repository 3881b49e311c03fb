// tiny_dcgan_hls_shell.sv - the HLS C++ of tiny_dcgan as an AXI4-Stream module, through DPI-C
//
// Each accepted input beat is pushed into its stream of the core.  When a frame of every input is there and the former
// one of every output has been popped, the core runs, and its output beats are offered one by one.  Timing means nothing
// here, values and protocol do.
//
//   s_axis   8 beats a frame, of 8 bits in 1 words of 32
//   m_axis   64 beats a frame, of 8 bits in 1 words of 32
module tiny_dcgan_hls_shell (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [7:0] s_axis_tdata,
    input  logic s_axis_tvalid,
    output logic s_axis_tready,
    output logic [7:0] m_axis_tdata,
    output logic m_axis_tvalid,
    input  logic m_axis_tready,
    output logic m_axis_tlast
);
  import "DPI-C" function void tiny_dcgan_dpi_reset();
  import "DPI-C" function void tiny_dcgan_dpi_push(input bit [31:0] words);
  import "DPI-C" function int tiny_dcgan_dpi_run();
  import "DPI-C" function void tiny_dcgan_dpi_pop(output bit [31:0] words);

  int in_beat_q;  // beats of the current frame that have arrived
  logic in_frame_q;  // a whole frame waits
  assign s_axis_tready = rst_ni && !in_frame_q;
  wire in_push = s_axis_tvalid && s_axis_tready;
  // Words are whole, the beat may end before.
  bit [31:0] in_words;
  assign in_words = 32'(s_axis_tdata);

  int out_beat_q;  // beats of the current frame that have left
  int out_queued_q;  // beats that wait in the core
  logic out_valid_q;
  logic [7:0] out_data_q;
  assign m_axis_tdata  = out_data_q;
  assign m_axis_tvalid = out_valid_q;
  assign m_axis_tlast  = out_beat_q == 63;
  wire out_pop = out_valid_q && m_axis_tready;
  wire out_offer = out_queued_q != 0 && (!out_valid_q || m_axis_tready);

  wire run = in_frame_q && out_queued_q == 0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      tiny_dcgan_dpi_reset();
      in_beat_q <= 0;
      in_frame_q <= 1'b0;
      out_beat_q <= 0;
      out_queued_q <= 0;
      out_valid_q <= 1'b0;
    end else begin
      if (in_push) begin
        tiny_dcgan_dpi_push(in_words);
        in_beat_q <= in_beat_q == 7 ? 0 : in_beat_q + 1;
      end
      if (in_push && in_beat_q == 7) in_frame_q <= 1'b1;
      else if (run) in_frame_q <= 1'b0;

      if (run) out_queued_q <= tiny_dcgan_dpi_run();
      else if (out_offer) out_queued_q <= out_queued_q - 1;

      if (out_offer) begin : take
        bit [31:0] word_with_unused_bits;
        tiny_dcgan_dpi_pop(word_with_unused_bits);
        out_data_q  <= word_with_unused_bits[7:0];
        out_valid_q <= 1'b1;
      end else if (out_pop) out_valid_q <= 1'b0;

      if (out_pop) out_beat_q <= out_beat_q == 63 ? 0 : out_beat_q + 1;
    end
  end
endmodule
