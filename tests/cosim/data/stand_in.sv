// A stand-in for a generated design, to test the bench itself: adds 1 to each byte, four bytes a beat, six beats a
// frame.  +fault=N breaks one rule at a time.
module stand_in (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [31:0] s_axis_tdata,
    input  logic        s_axis_tvalid,
    output logic        s_axis_tready,
    output logic [31:0] m_axis_tdata,
    output logic        m_axis_tvalid,
    input  logic        m_axis_tready,
    output logic        m_axis_tlast
);
  localparam int NoFault = 0, WrongValue = 1, DropsValid = 2, ChangesData = 3, NoLast = 4, EarlyLast = 5, LosesBeat = 6,
      ExtraBeat = 7, WaitsForReady = 8, ForgetsReset = 9, ValidInReset = 10;
  localparam int FrameBeats = 6;

  int fault;
  int trace;
  initial begin
    if ($value$plusargs("fault=%d", fault) == 0) fault = NoFault;
    trace = $fopen("trace_l0.hex", "w");
  end

  logic [31:0] data_q, data_d;
  logic valid_q;
  logic [2:0] beat_q;
  logic [7:0] total_q;
  wire push = s_axis_tvalid && s_axis_tready;
  wire pop = m_axis_tvalid && m_axis_tready;

  always_comb begin
    for (int n = 0; n < 4; n++) data_d[8*n+:8] = s_axis_tdata[8*n+:8] + 8'd1;
    if (fault == WrongValue && total_q == 8) data_d[15:8] ^= 8'h10;
    if (fault == ForgetsReset) data_d[7:0] += {3'b0, total_q[7:3]};
  end

  assign s_axis_tready = !valid_q || pop;
  assign m_axis_tdata = data_q;
  assign m_axis_tvalid = valid_q && (fault != WaitsForReady || m_axis_tready);
  assign m_axis_tlast = fault == NoLast ? 1'b0 : beat_q == (fault == EarlyLast ? 3'd4 : 3'd5);

  logic seen_q = 1'b0;
  always_ff @(posedge clk_i) begin
    seen_q <= 1'b1;
    if (push) begin
      data_q  <= data_d;
      total_q <= total_q + 1;
      valid_q <= !(fault == LosesBeat && total_q == 9);
    end else if (pop) valid_q <= fault == ExtraBeat && total_q == 18;
    else if (fault == DropsValid && total_q == 8) valid_q <= 1'b0;
    else if (fault == ChangesData && total_q == 8) data_q <= data_q + 1;
    if (pop) begin
      beat_q <= beat_q == 3'(FrameBeats - 1) ? '0 : beat_q + 1;
      $fwrite(trace, "%h\n", m_axis_tdata);
    end
    if (!rst_ni) begin
      valid_q <= fault == ValidInReset;
      beat_q  <= '0;
      if (fault != ForgetsReset || !seen_q) total_q <= '0;
    end
  end
endmodule
