// g2h_axi_writer: AXI4 write master that writes streams to rings in an external memory.
//
// Equation    the beats of stream c are written to the Slots[c] places from byte base_i + Offsets[c] on, SlotBytes bytes
//             apart, round and round, in bursts of Lengths[c]; of each Beats[c] beats, a frame, the last one has what is left.
// Memory      a queue of QueueBeats beats per stream, in distributed RAM.
// Handshake   a burst is written when all its beats are in its stream's queue, and a place is free: Slots[c] are at first,
//             one more for each clock in which freed_i[c] is high.  written_o[c] is high for a clock when the memory has
//             answered: what is read from then on is the new burst.  s_ready_o are registers, b_ready_o is always high.
//             Streams take turns.  At most Outstanding bursts are on their way, one of them has beats that wait.
// Errors      SLVERR or DECERR: error_o rises and stays until reset, and no burst counts as written from there on.
// Reset       what the memory was told of before a reset is brought to its end, as AXI wants it: registers of the port have
//             no reset.  Such a burst writes nothing any more (its strobes are 0), and until all are answered no new one
//             starts, so that no old beat overtakes a new one.
// Parameters  DataBits a power of two of at least 8; Offsets multiples of 4096, SlotBytes a power of two of at most 4096 and
//             at least a burst's bytes; QueueBeats a power of two of at least 2 * Lengths[c]; Outstanding a power of two.
//             Offsets, Beats, Lengths and Slots have 32 bits for each stream.
module g2h_axi_writer #(
  parameter int unsigned           Clients     = 1,
  parameter int unsigned           DataBits    = 64,
  parameter int unsigned           AddrBits    = 32,
  parameter int unsigned           QueueBeats  = 32,
  parameter int unsigned           SlotBytes   = 128,
  parameter int unsigned           Outstanding = 8,
  parameter logic [32*Clients-1:0] Offsets     = '0,
  parameter logic [32*Clients-1:0] Beats       = {Clients{32'd16}},
  parameter logic [32*Clients-1:0] Lengths     = {Clients{32'd16}},
  parameter logic [32*Clients-1:0] Slots       = {Clients{32'd2}}
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  input  logic [AddrBits-1:0]              base_i,
  output logic                             error_o,
  output logic [AddrBits-1:0]              aw_addr_o,
  output logic [7:0]                       aw_len_o,
  output logic                             aw_valid_o,
  input  logic                             aw_ready_i,
  output logic [DataBits-1:0]              w_data_o,
  output logic [DataBits/8-1:0]            w_strb_o,
  output logic                             w_last_o,
  output logic                             w_valid_o,
  input  logic                             w_ready_i,
  input  logic [1:0]                       b_resp_i,
  input  logic                             b_valid_i,
  output logic                             b_ready_o,
  input  logic [Clients-1:0][DataBits-1:0] s_data_i,
  input  logic [Clients-1:0]               s_valid_i,
  output logic [Clients-1:0]               s_ready_o,
  input  logic [Clients-1:0]               freed_i,
  output logic [Clients-1:0]               written_o
);
  localparam int unsigned ClientBits = (Clients > 1) ? $clog2(Clients) : 1;
  localparam int unsigned HeldBits   = $clog2(QueueBeats + 1) + 1;
  localparam int unsigned OrderBits  = $clog2(Outstanding);

  if ((1 << OrderBits) != Outstanding) begin : g_check_outstanding
    $error("g2h_axi_writer: Outstanding must be a power of two of at least 2");
  end

  // Whose burst is next: streams take turns, one that has no whole burst or no place is passed over.
  logic [Clients-1:0]               whole, asks, pops;
  logic [Clients-1:0][31:0]         first;   // byte of the ring
  logic [Clients-1:0][31:0]         place;   // in it
  logic [Clients-1:0][7:0]          length;  // of the next burst, less 1
  logic [Clients-1:0][DataBits-1:0] queued;
  logic [ClientBits-1:0]            turn_q;
  logic                             start_q, drain_q, stopped_q, ask, order_room;

  assign ask = rst_ni && start_q && !drain_q && !stopped_q && order_room && (!aw_valid_o || aw_ready_i) && whole[turn_q];

  always_comb begin
    asks         = '0;
    asks[turn_q] = ask;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      turn_q  <= '0;
      start_q <= 1'b0;
    end else begin
      start_q <= 1'b1;
      if (ask || !whole[turn_q]) turn_q <= (turn_q == ClientBits'(Clients - 1)) ? '0 : turn_q + ClientBits'(1);
    end
  end

  // The port.  Bursts asked for are in order: told to the memory (told), sent beat by beat (sent), answered (heard).
  logic [ClientBits-1:0] order [0:Outstanding-1];
  logic [7:0]            lengths [0:Outstanding-1];
  logic [OrderBits:0]    asked_q, told_q, sent_q, heard_q;
  logic [ClientBits-1:0] whose, heard;
  logic [7:0]            beat_q;
  logic                  load, last, some, hear;

  assign order_room = (asked_q - heard_q) != (OrderBits + 1)'(Outstanding);
  assign whose      = order[sent_q[OrderBits-1:0]];
  assign heard      = order[heard_q[OrderBits-1:0]];
  assign some       = told_q != sent_q;
  assign load       = some && (!w_valid_o || w_ready_i);
  assign last       = beat_q == lengths[sent_q[OrderBits-1:0]];
  assign hear       = b_valid_i && asked_q != heard_q;  // a port may say anything before its first reset
  assign b_ready_o  = 1'b1;

  always_comb begin
    pops        = '0;
    pops[whose] = load && !drain_q && rst_ni;
  end

  initial begin
    aw_valid_o = 1'b0;
    w_valid_o  = 1'b0;
    asked_q    = '0;
    told_q     = '0;
    sent_q     = '0;
    heard_q    = '0;
    beat_q     = '0;
    drain_q    = 1'b0;
  end
  always @(posedge clk_i) begin
    drain_q    <= (drain_q || !rst_ni) && asked_q != heard_q;
    aw_valid_o <= ask || (aw_valid_o && !aw_ready_i);
    asked_q    <= asked_q + (OrderBits + 1)'(ask);
    told_q     <= told_q + (OrderBits + 1)'(aw_valid_o && aw_ready_i);
    sent_q     <= sent_q + (OrderBits + 1)'(load && last);
    heard_q    <= heard_q + (OrderBits + 1)'(hear);
    w_valid_o  <= load || (w_valid_o && !w_ready_i);
    if (load) beat_q <= last ? '0 : beat_q + 8'd1;
  end

  always_ff @(posedge clk_i) begin
    if (ask) begin
      order[asked_q[OrderBits-1:0]]   <= turn_q;
      lengths[asked_q[OrderBits-1:0]] <= length[turn_q];
      aw_addr_o <= base_i + AddrBits'(first[turn_q]) + AddrBits'(place[turn_q] * 32'(SlotBytes));
      aw_len_o  <= length[turn_q];
    end
    if (load) begin
      w_data_o <= queued[whose];
      w_strb_o <= (drain_q || !rst_ni) ? '0 : '1;
      w_last_o <= last;
    end
  end

  logic unused_resp;
  assign unused_resp = &{1'b0, b_resp_i[0]};  // EXOKAY is OKAY, DECERR as bad as SLVERR
  assign error_o     = stopped_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) stopped_q <= 1'b0;
    else stopped_q <= stopped_q || (hear && b_resp_i[1] && !drain_q);
  end

  for (genvar c = 0; c < Clients; c++) begin : g_client
    localparam int unsigned Places    = Slots[32*c+:32];
    localparam int unsigned Count     = Beats[32*c+:32];
    localparam int unsigned Length    = Lengths[32*c+:32];
    localparam int unsigned SlotBits  = $clog2(Places + 1);
    localparam int unsigned PlaceBits = (Places > 1) ? $clog2(Places) : 1;
    localparam int unsigned Bursts    = (Count + Length - 1) / Length;
    localparam int unsigned Rest      = Count - (Bursts - 1) * Length;  // beats of the last burst of a frame

    logic [HeldBits-1:0]  held_d, held_q;  // beats in the queue that no burst was asked for with
    logic [SlotBits-1:0]  free_d, free_q;
    logic [PlaceBits-1:0] place_q;
    logic                 whole_q, valid_unused, last_burst;

    assign first[c]  = Offsets[32*c+:32];
    assign place[c]  = 32'(place_q);
    assign length[c] = last_burst ? 8'(Rest - 1) : 8'(Length - 1);
    assign whole[c]  = whole_q;
    assign held_d    = held_q + HeldBits'(s_valid_i[c] && s_ready_o[c])
                     - (asks[c] ? HeldBits'(length[c]) + HeldBits'(1) : '0);
    assign free_d    = free_q + SlotBits'(freed_i[c]) - SlotBits'(asks[c]);

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        held_q       <= '0;
        free_q       <= SlotBits'(Places);
        place_q      <= '0;
        whole_q      <= 1'b0;
        written_o[c] <= 1'b0;
      end else begin
        whole_q      <= !asks[c] && held_q > HeldBits'(length[c]) && free_q != '0;
        held_q       <= held_d;
        free_q       <= free_d;
        written_o[c] <= hear && !b_resp_i[1] && !drain_q && !stopped_q && heard == ClientBits'(c);
        if (asks[c]) place_q <= (place_q == PlaceBits'(Places - 1)) ? '0 : place_q + PlaceBits'(1);
      end
    end

    g2h_count #(
      .Count((Rest == Length) ? 1 : Bursts)  // where no burst is short all may be last ones
    ) u_count (
      .clk_i (clk_i),
      .rst_ni(rst_ni),
      .step_i(asks[c]),
      .last_o(last_burst)
    );

    logic unused;
    assign unused = &{1'b0, valid_unused};

    g2h_queue #(
      .Width(DataBits),
      .Depth(QueueBeats)
    ) u_queue (
      .clk_i    (clk_i),
      .rst_ni   (rst_ni),
      .s_data_i (s_data_i[c]),
      .s_valid_i(s_valid_i[c]),
      .s_ready_o(s_ready_o[c]),
      .m_data_o (queued[c]),
      .m_valid_o(valid_unused),
      .m_ready_i(pops[c])
    );
  end
endmodule
