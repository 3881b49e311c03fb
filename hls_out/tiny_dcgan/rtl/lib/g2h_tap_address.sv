// g2h_tap_address: the memories of a dense tap program, and the addresses of a step's input word and weight word.
//
// Equation    x_addr_o = (base_i + row(y_ptr_i)) mod Total + column(x_ptr_i) + cin_i
//             w_addr_o = ky(y_ptr_i) + kx(x_ptr_i) + coci_i
//             with the fields of the two tap memories, which hold products with constants: addresses take adders only.
// Memory      x_rom[XTaps]: {last, kx, column}, the taps of all output columns in order; y_rom[YTaps]: {last, ky, row},
//             those of all output rows; release_rom[Grants]: input rows that are free after each grant's rows.
// Latency     a step with go_i in clock t has its addresses, co_o and step_o in clock t + 4: memory words, sums, wrap,
//             final sum.  release_o comes with the last address of done_i, when its read really happens.  x_last_o
//             and y_last_o belong to the pointers of the same clock.
// Handshake   none.  step_o is {valid, first, last, idle}; no step is idle.
// Parameters  all counts >= 1; XAddrBits holds Total - 1, WAddrBits the greatest weight address.
module g2h_tap_address #(
  parameter int unsigned Total       = 2,
  parameter int unsigned XTaps       = 1,
  parameter int unsigned YTaps       = 1,
  parameter int unsigned Grants      = 1,
  parameter int unsigned XAddrBits   = 1,
  parameter int unsigned WAddrBits   = 1,
  parameter int unsigned FreeBits    = 2,
  parameter int unsigned CoBits      = 1,
  parameter int unsigned XPtrBits    = 1,
  parameter int unsigned YPtrBits    = 1,
  parameter int unsigned RPtrBits    = 1,
  parameter              XTapFile    = "",
  parameter              YTapFile    = "",
  parameter              ReleaseFile = ""
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 go_i,
  input  logic                 first_i,
  input  logic                 last_i,
  input  logic                 done_i,
  input  logic [XPtrBits-1:0]  x_ptr_i,
  input  logic [YPtrBits-1:0]  y_ptr_i,
  input  logic [RPtrBits-1:0]  r_ptr_i,
  input  logic [XAddrBits-1:0] base_i,
  input  logic [XAddrBits-1:0] cin_i,
  input  logic [WAddrBits-1:0] coci_i,
  input  logic [CoBits-1:0]    co_i,
  output logic                 x_last_o,
  output logic                 y_last_o,
  output logic [XAddrBits-1:0] x_addr_o,
  output logic [WAddrBits-1:0] w_addr_o,
  output logic [CoBits-1:0]    co_o,
  output logic [3:0]           step_o,
  output logic [FreeBits-1:0]  release_o
);
  localparam int unsigned TapBits = 1 + WAddrBits + XAddrBits;

  logic [TapBits-1:0]  x_rom [0:XTaps-1];
  logic [TapBits-1:0]  y_rom [0:YTaps-1];
  logic [FreeBits-1:0] release_rom [0:Grants-1];

  if (XTapFile != "" && YTapFile != "" && ReleaseFile != "") begin : g_init
    initial begin
      $readmemh(XTapFile, x_rom);
      $readmemh(YTapFile, y_rom);
      $readmemh(ReleaseFile, release_rom);
    end
  end

  logic [TapBits-1:0] x_word, y_word;

  assign x_word   = x_rom[x_ptr_i];
  assign y_word   = y_rom[y_ptr_i];
  assign x_last_o = x_word[TapBits-1];
  assign y_last_o = y_word[TapBits-1];

  // Stage 1: memory words.  Stage 2: sums of two.  Stage 3: wrap around the line buffer.  Stage 4: final sum.
  logic [XAddrBits-1:0] s1_row_q, s1_col_q, s1_cin_q, s1_base_q;
  logic [WAddrBits-1:0] s1_ky_q, s1_kx_q, s1_coci_q;
  logic [FreeBits-1:0]  s1_release_q, s2_release_q, s3_release_q, s4_release_q;
  logic                 s1_done_q;
  logic [XAddrBits:0]   s2_row_q;
  logic [XAddrBits-1:0] s2_col_q, s3_row_q, s3_col_q, s4_x_q;
  logic [WAddrBits-1:0] s2_k_q, s2_coci_q, s3_w_q, s4_w_q;
  logic [3:0]           valid_q, first_pipe_q, last_pipe_q;
  logic [CoBits-1:0]    s1_co_q, s2_co_q, s3_co_q, s4_co_q;

  always_ff @(posedge clk_i) begin
    s1_row_q      <= y_word[XAddrBits-1:0];
    s1_col_q      <= x_word[XAddrBits-1:0];
    s1_ky_q       <= y_word[XAddrBits+:WAddrBits];
    s1_kx_q       <= x_word[XAddrBits+:WAddrBits];
    s1_cin_q      <= cin_i;
    s1_coci_q     <= coci_i;
    s1_base_q     <= base_i;
    s1_release_q  <= release_rom[r_ptr_i];
    s1_done_q     <= done_i;

    s2_row_q     <= (XAddrBits + 1)'(s1_base_q) + (XAddrBits + 1)'(s1_row_q);
    s2_col_q     <= s1_col_q + s1_cin_q;
    s2_k_q       <= s1_ky_q + s1_kx_q;
    s2_coci_q    <= s1_coci_q;
    s2_release_q <= (valid_q[0] && s1_done_q) ? s1_release_q : '0;

    s3_row_q     <= (s2_row_q >= (XAddrBits + 1)'(Total)) ? XAddrBits'(s2_row_q - (XAddrBits + 1)'(Total))
                                                          : s2_row_q[XAddrBits-1:0];
    s3_col_q     <= s2_col_q;
    s3_w_q       <= s2_k_q + s2_coci_q;

    s4_x_q       <= s3_row_q + s3_col_q;
    s4_w_q       <= s3_w_q;

    s1_co_q      <= co_i;
    s2_co_q      <= s1_co_q;
    s3_co_q      <= s2_co_q;
    s4_co_q      <= s3_co_q;
    first_pipe_q <= {first_pipe_q[2:0], first_i};
    last_pipe_q  <= {last_pipe_q[2:0], last_i};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q      <= '0;
      s3_release_q <= '0;
      s4_release_q <= '0;
    end else begin
      valid_q      <= {valid_q[2:0], go_i};
      s3_release_q <= s2_release_q;
      s4_release_q <= s3_release_q;
    end
  end

  assign x_addr_o  = s4_x_q;
  assign w_addr_o  = s4_w_q;
  assign co_o      = s4_co_q;
  assign step_o    = {valid_q[3], first_pipe_q[3], last_pipe_q[3], 1'b0};
  assign release_o = s4_release_q;
endmodule
