// tiny_dcgan_hls_shell.sv - the HLS C++ of tiny_dcgan as an AXI4-Stream module, through DPI-C
//
// Each accepted input beat is pushed into the core's stream.  When a frame of 8 beats is there and the former one has
// been popped, the core runs, and its 64 output beats are offered one by one.  Timing means nothing here, values and
// protocol do.
//
//   s_axis   8 bits in 1 words of 32
//   m_axis   8 bits in 1 words of 32
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

  localparam int InBeats = 8;
  localparam int OutBeats = 64;

  int in_beat_q;  // beats of the current input frame that have arrived
  int out_beat_q;  // beats of the current output frame that have left
  int queued_q;  // output beats that wait in the core
  logic frame_q;  // a whole input frame waits
  logic valid_q;
  logic [7:0] data_q;

  assign s_axis_tready = rst_ni && !frame_q;
  assign m_axis_tdata  = data_q;
  assign m_axis_tvalid = valid_q;
  assign m_axis_tlast  = out_beat_q == OutBeats - 1;

  wire push = s_axis_tvalid && s_axis_tready;
  wire pop = valid_q && m_axis_tready;
  wire run = frame_q && queued_q == 0;
  wire offer = queued_q != 0 && (!valid_q || m_axis_tready);

  // Words are whole, the beat may end before.
  bit [31:0] in_words;
  assign in_words = 32'(s_axis_tdata);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      tiny_dcgan_dpi_reset();
      in_beat_q <= 0;
      out_beat_q <= 0;
      queued_q <= 0;
      frame_q <= 1'b0;
      valid_q <= 1'b0;
    end else begin
      if (push) begin
        tiny_dcgan_dpi_push(in_words);
        in_beat_q <= in_beat_q == InBeats - 1 ? 0 : in_beat_q + 1;
      end
      if (push && in_beat_q == InBeats - 1) frame_q <= 1'b1;
      else if (run) frame_q <= 1'b0;

      if (run) queued_q <= tiny_dcgan_dpi_run();
      else if (offer) queued_q <= queued_q - 1;

      if (offer) begin : take
        bit [31:0] word_with_unused_bits;
        tiny_dcgan_dpi_pop(word_with_unused_bits);
        data_q  <= word_with_unused_bits[7:0];
        valid_q <= 1'b1;
      end else if (pop) valid_q <= 1'b0;

      if (pop) out_beat_q <= out_beat_q == OutBeats - 1 ? 0 : out_beat_q + 1;
    end
  end
endmodule
