// g2h_fill: puts the codes of output pixels without taps among those of the others.
//
// Equation    for each output pixel (raster) / group in Groups: the next beat that comes, or, where the pixel has no taps
//             (g2h_hole), the word of its channels.  With RowPhases the rows take turns, each with channels of its own.
// Memory      one word per beat of a pixel, those of a row phase together.
// Latency     a beat taken in clock t leaves in clock t + 2: ROM, ROM output register.  One beat a clock.
// Handshake   as g2h_requant: s_ready_o follows a registered credit of the output queue (OutDepth words); pixels without
//             taps ahead of a frame's first beat wait for it.
// Parameters  Width of a beat; masks as g2h_hole.
module g2h_fill #(
  parameter int unsigned           Width      = 8,
  parameter int unsigned           Groups     = 1,
  parameter int unsigned           RowPhases  = 1,
  parameter int unsigned           OutRows    = 1,
  parameter int unsigned           OutColumns = 1,
  parameter logic [OutRows-1:0]    YMask      = '1,
  parameter logic [OutColumns-1:0] XMask      = '1,
  parameter int unsigned           OutDepth   = 16,
  parameter                        File       = ""
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic [Width-1:0] s_data_i,
  input  logic             s_valid_i,
  output logic             s_ready_o,
  input  logic             out_freed_i,
  output logic             valid_o,
  output logic [Width-1:0] data_o
);
  localparam int unsigned Words    = RowPhases * Groups;
  localparam int unsigned WordBits = (Words > 1) ? $clog2(Words) : 1;

  logic                credit, go, hole, started, pixel_last, unused_last;
  logic [WordBits-1:0] word_addr;
  logic [Width-1:0]    word, data1_q, data2_q;
  logic [1:0]          hole_q, valid_q;

  assign go        = credit && (s_valid_i || (hole && started));
  assign s_ready_o = credit && !hole;
  assign valid_o   = valid_q[1];
  assign data_o    = hole_q[1] ? word : data2_q;

  g2h_credit #(
    .Depth(OutDepth)
  ) u_credit (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .take_i (go),
    .give_i (out_freed_i),
    .avail_o(credit)
  );

  g2h_channels #(
    .Groups  (Groups),
    .Pixels  ((RowPhases > 1) ? OutColumns : 1),
    .Phases  (RowPhases),
    .WordBits(WordBits)
  ) u_channels (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .step_i      (go),
    .word_o      (word_addr),
    .pixel_last_o(pixel_last),
    .band_last_o (unused_last)
  );

  g2h_hole #(
    .OutRows   (OutRows),
    .OutColumns(OutColumns),
    .YMask     (YMask),
    .XMask     (XMask)
  ) u_hole (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .step_i      (go),
    .pixel_last_i(pixel_last),
    .hole_o      (hole),
    .started_o   (started)
  );

  g2h_rom #(
    .Width   (Width),
    .Depth   (Words),
    .AddrBits(WordBits),
    .File    (File)
  ) u_rom (
    .clk_i (clk_i),
    .addr_i(word_addr),
    .data_o(word)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[0], go};
  end

  always_ff @(posedge clk_i) begin
    data1_q <= s_data_i;
    data2_q <= data1_q;
    hole_q  <= {hole_q[0], hole};
  end
endmodule
