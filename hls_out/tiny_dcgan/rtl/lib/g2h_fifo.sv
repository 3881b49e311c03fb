// g2h_fifo: first-in first-out queue whose writer holds credits, with an optional serializer at its output.
//
// Equation    output word n is bits [(n % Ratio) * Width +: Width] of input word n / Ratio.
// Memory      Depth words of Ratio * Width bits, asynchronous read (distributed RAM); the output register is a shift
//             register of one memory word, so serializing costs nothing more.
// Latency     push in clock t -> valid_o in clock t + 2 when empty.  One output word a clock; the next memory word is
//             loaded in the clock in which the last word of the former one leaves, so there is no bubble.
// Handshake   no ready to the writer: it must own a credit (g2h_credit with the same Depth) for each push.  freed_o
//             gives that credit back in the clock in which a word leaves the memory for the output register.
//             valid_o is a register; ready_i reaches this module's own registers only.
// Parameters  Width >= 1, Ratio >= 1, Depth a power of two >= 2.
module g2h_fifo #(
  parameter int unsigned Width = 8,
  parameter int unsigned Ratio = 1,
  parameter int unsigned Depth = 16
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic                     push_i,
  input  logic [Ratio*Width-1:0]   data_i,
  output logic                     freed_o,
  output logic [Width-1:0]         data_o,
  output logic                     valid_o,
  input  logic                     ready_i
);
  localparam int unsigned PtrBits = $clog2(Depth);
  localparam int unsigned IndexBits = (Ratio > 1) ? $clog2(Ratio) : 1;

  if (Depth < 2 || (1 << PtrBits) != Depth) begin : g_check_depth
    $error("g2h_fifo: Depth must be a power of two of at least 2");
  end

  logic [Ratio*Width-1:0] mem [0:Depth-1];
  logic [PtrBits:0]       write_q, read_q;
  logic [Ratio*Width-1:0] shift_q;
  logic                   valid_q;
  logic                   last, load;

  assign load    = (!valid_q || (ready_i && last)) && (write_q != read_q);
  assign freed_o = load;
  assign valid_o = valid_q;
  assign data_o  = shift_q[Width-1:0];

  always_ff @(posedge clk_i) begin
    if (push_i) mem[write_q[PtrBits-1:0]] <= data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q <= '0;
      read_q  <= '0;
      valid_q <= 1'b0;
    end else begin
      write_q <= write_q + (PtrBits + 1)'(push_i);
      read_q  <= read_q + (PtrBits + 1)'(load);
      valid_q <= load || (valid_q && !(ready_i && last));
    end
  end

  if (Ratio == 1) begin : g_plain
    assign last = 1'b1;

    always_ff @(posedge clk_i) begin
      if (load) shift_q <= mem[read_q[PtrBits-1:0]];
    end
  end else begin : g_serial
    logic [IndexBits-1:0] index_q;

    assign last = index_q == IndexBits'(Ratio - 1);

    always_ff @(posedge clk_i) begin
      if (load) shift_q <= mem[read_q[PtrBits-1:0]];
      else if (ready_i) shift_q <= {{Width{1'b0}}, shift_q[Ratio*Width-1:Width]};
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) index_q <= '0;
      else if (valid_q && ready_i) index_q <= last ? '0 : index_q + IndexBits'(1);
    end
  end

`ifdef GAN2HLS_TRACE
  always_ff @(posedge clk_i) begin
    if (rst_ni && push_i && (write_q - read_q == (PtrBits + 1)'(Depth))) $error("%m: push into a full queue");
  end
`endif
endmodule
