// g2h_row_grant: decides when the input rows of an output row have arrived.
//
// Equation    output row r (of those that have taps) is granted when loaded >= need[r]; loaded counts the input rows
//             written since the start of the frame being granted and falls by InRows with the frame's last output row.
// Memory      need[r], one word per output row with taps, ascending.  Where rows come again, the memory holds those in
//             front, of the first round, LoopRow .. LoopEndRow, and behind the last one: OutRows words.
// Latency     row_done_i in clock t -> avail_o in clock t + 2.  One output row a clock; up to four are granted ahead,
//             so that rows of a single step follow each other without a bubble.
// Handshake   take_i (a row's first step is issued) only while avail_o.
// Parameters  OutRows >= 1; LoadedBits (signed) holds -InRows .. InRows + Rows.  LoopRounds >= 1: how often the rows of a
//             loop come, LoopStep input rows later each time; LoopEndRow < OutRows - 1.
module g2h_row_grant #(
  parameter int unsigned InRows     = 1,
  parameter int unsigned OutRows    = 1,
  parameter int unsigned LoadedBits = 4,
  parameter int unsigned FirstNeed  = 1,
  parameter int unsigned LoopRow    = 0,
  parameter int unsigned LoopEndRow = 0,
  parameter int unsigned LoopRounds = 1,
  parameter int unsigned LoopStep   = 0,
  parameter              NeedFile   = ""
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic row_done_i,
  input  logic take_i,
  output logic avail_o
);
  localparam int unsigned PtrBits = (OutRows > 1) ? $clog2(OutRows) : 1;

  logic signed [LoadedBits-1:0] loaded_q;
  logic                         grant, frame_last_q;
  logic [2:0]                   ahead_q;

  assign avail_o = ahead_q != 3'd0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      loaded_q <= '0;
      ahead_q  <= '0;
    end else begin
      loaded_q <= loaded_q + LoadedBits'({1'b0, row_done_i})
                  - ((grant && frame_last_q) ? LoadedBits'(InRows) : '0);
      ahead_q  <= ahead_q + 3'(grant) - 3'(take_i);
    end
  end

  if (OutRows == 1) begin : g_single
    assign frame_last_q = 1'b1;
    assign grant        = (loaded_q >= $signed(LoadedBits'(FirstNeed))) && !ahead_q[2];
  end else begin : g_many
    logic [LoadedBits-1:0]        need_rom [0:OutRows-1];
    logic signed [LoadedBits-1:0] need_q, need_d;
    logic [PtrBits-1:0]           next_q;
    logic                         again;

    if (NeedFile != "") begin : g_init
      initial $readmemh(NeedFile, need_rom);
    end

    assign grant = (loaded_q >= need_q) && !ahead_q[2];

    if (LoopRounds == 1) begin : g_once
      assign again  = 1'b0;
      assign need_d = need_rom[next_q];
    end else begin : g_loop
      localparam int unsigned RoundBits = $clog2(LoopRounds);
      logic [RoundBits-1:0]  round_q;
      logic [LoadedBits-1:0] later_q;
      logic                  at_end;

      assign at_end = next_q == PtrBits'(LoopEndRow);
      assign again  = at_end && (round_q != RoundBits'(LoopRounds - 1));
      assign need_d = need_rom[next_q] + later_q;

      always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
          round_q <= '0;
          later_q <= '0;
        end else if (grant && at_end) begin
          round_q <= again ? round_q + RoundBits'(1) : '0;
          later_q <= again ? later_q + LoadedBits'(LoopStep) : '0;
        end
      end
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        need_q       <= LoadedBits'(FirstNeed);
        next_q       <= PtrBits'(1);
        frame_last_q <= 1'b0;
      end else if (grant) begin
        need_q       <= need_d;
        next_q       <= again ? PtrBits'(LoopRow) : (next_q == PtrBits'(OutRows - 1)) ? '0 : next_q + PtrBits'(1);
        frame_last_q <= next_q == PtrBits'(OutRows - 1);
      end
    end
  end
endmodule
