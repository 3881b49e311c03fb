// g2h_axi_reader: AXI4 read master that sends regions of an external memory, over and over, each as a stream.
//
// Equation    stream c is the Beats[c] beats from byte base_i + Offsets[c] on, in order, repeated for ever; where Slots[c] is
//             not 0, what g2h_axi_writer writes with the same parameters: Beats[c] beats make a frame, in bursts of Lengths[c]
//             and a last one of what is left, each in the next of Slots[c] places that are BurstBeats beats apart.
//             Where Turns[c] is more than 1, so many such regions follow one another, each from a whole burst on: each is read
//             Passes[c] times, then the next one.
// Memory      a queue of QueueBeats beats per stream, of two bursts where Slots[c] is not 0, in distributed RAM.
// Latency     depends on the memory; beats of all streams together leave at one a clock at most.
// Handshake   a burst is asked for when its stream's queue has room for it, so r_ready_o is always high and no stream
//             waits for another one.  Where Slots[c] is not 0 it also needs a grant, one for each clock in which
//             grant_i[c] was high; at most Slots[c] are waiting.  done_o[c] is high for a clock when such a burst has been
//             read.  Streams take turns.  At most Outstanding bursts are on their way.  base_i must not
//             change between reset and the next reset.
// Errors      SLVERR or DECERR: error_o rises and stays until reset, and no beat leaves from there on: what follows the
//             streams stops instead of computing with wrong data.
// Reset       bursts that are on their way at a reset belong to nobody: they carry the former identifier, and are taken
//             and dropped.  The identifier is the one register without reset; it starts at 0 and counts resets.
// Parameters  DataBits a power of two of at least 8; offsets multiples of BurstBeats beats and of no less than a burst's
//             bytes, so that no burst crosses 4096 bytes (BurstBeats a power of two, BurstBeats * DataBits / 8 <= 4096);
//             QueueBeats a power of two of at least 2 * BurstBeats.  Offsets, Beats,
//             Lengths, Slots, Turns and Passes have 32 bits for each stream.
module g2h_axi_reader #(
  parameter int unsigned           Clients     = 1,
  parameter int unsigned           DataBits    = 64,
  parameter int unsigned           AddrBits    = 32,
  parameter int unsigned           IdBits      = 2,
  parameter int unsigned           BurstBeats  = 16,
  parameter int unsigned           QueueBeats  = 64,
  parameter int unsigned           Outstanding = 8,
  parameter logic [32*Clients-1:0] Offsets     = '0,
  parameter logic [32*Clients-1:0] Beats       = {Clients{32'd1}},
  parameter logic [32*Clients-1:0] Lengths     = {Clients{32'(BurstBeats)}},
  parameter logic [32*Clients-1:0] Slots       = '0,
  parameter logic [32*Clients-1:0] Turns       = {Clients{32'd1}},
  parameter logic [32*Clients-1:0] Passes      = {Clients{32'd1}}
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  input  logic [AddrBits-1:0]              base_i,
  input  logic [Clients-1:0]               grant_i,
  output logic [Clients-1:0]               done_o,
  output logic                             error_o,
  output logic [IdBits-1:0]                ar_id_o,
  output logic [AddrBits-1:0]              ar_addr_o,
  output logic [7:0]                       ar_len_o,
  output logic                             ar_valid_o,
  input  logic                             ar_ready_i,
  input  logic [IdBits-1:0]                r_id_i,
  input  logic [DataBits-1:0]              r_data_i,
  input  logic [1:0]                       r_resp_i,
  input  logic                             r_last_i,
  input  logic                             r_valid_i,
  output logic                             r_ready_o,
  output logic [Clients-1:0][DataBits-1:0] m_data_o,
  output logic [Clients-1:0]               m_valid_o,
  input  logic [Clients-1:0]               m_ready_i
);
  localparam int unsigned BeatBytes  = DataBits / 8;
  localparam int unsigned ClientBits = (Clients > 1) ? $clog2(Clients) : 1;
  localparam int unsigned RoomBits   = $clog2(QueueBeats + 1);
  localparam int unsigned OrderBits  = $clog2(Outstanding);

  if (BurstBeats * BeatBytes > 4096 || BurstBeats > 256 || QueueBeats < 2 * BurstBeats) begin : g_check_burst
    $error("g2h_axi_reader: BurstBeats or QueueBeats do not fit");
  end
  if ((1 << OrderBits) != Outstanding) begin : g_check_outstanding
    $error("g2h_axi_reader: Outstanding must be a power of two of at least 2");
  end

  // The identifier of this run; that of bursts asked for before the last reset differs.
  logic [IdBits-1:0] id_q;
  logic              running_q;
  initial begin
    id_q      = '0;
    running_q = 1'b0;
  end
  always @(posedge clk_i) begin
    running_q <= rst_ni;
    if (!rst_ni && running_q) id_q <= id_q + IdBits'(1);
  end

  // Whose burst is next: streams take turns, one that has no room is passed over.
  logic [Clients-1:0]       room, asks;
  logic [Clients-1:0][31:0] first;   // byte of the stream
  logic [Clients-1:0][31:0] place;   // in bursts, behind it
  logic [Clients-1:0][7:0]  length;  // of the next burst, less 1
  logic [ClientBits-1:0]    turn_q;
  logic [7:0]               len_q;
  logic                     ask, order_room, start_q, stopped_q;

  assign ask = start_q && (!ar_valid_o || ar_ready_i) && order_room && !stopped_q && room[turn_q];

  always_comb begin
    asks         = '0;
    asks[turn_q] = ask;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      turn_q     <= '0;
      ar_valid_o <= 1'b0;
      start_q    <= 1'b0;
    end else begin
      start_q <= 1'b1;
      if (ask || !room[turn_q]) turn_q <= (turn_q == ClientBits'(Clients - 1)) ? '0 : turn_q + ClientBits'(1);
      ar_valid_o <= ask || (ar_valid_o && !ar_ready_i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (ask) begin
      ar_addr_o <= base_i + AddrBits'(first[turn_q]) + AddrBits'(place[turn_q] * 32'(BurstBeats * BeatBytes));
      len_q     <= length[turn_q];
    end
  end

  assign ar_len_o = len_q;
  assign ar_id_o  = id_q;

  // Bursts come back in the order in which they were asked for, since all have one identifier.
  logic [ClientBits-1:0] order [0:Outstanding-1];
  logic [OrderBits:0]    put_q, got_q;
  logic [ClientBits-1:0] whose;
  logic                  ours, beat;

  assign order_room = (put_q - got_q) != (OrderBits + 1)'(Outstanding);
  assign whose      = order[got_q[OrderBits-1:0]];
  assign ours       = r_valid_i && r_id_i == id_q && start_q;
  assign beat       = ours && !r_resp_i[1] && !stopped_q;
  assign r_ready_o  = 1'b1;

  logic unused_resp;
  assign unused_resp = &{1'b0, r_resp_i[0]};  // EXOKAY is OKAY, DECERR as bad as SLVERR

  always_ff @(posedge clk_i) begin
    if (ask) order[put_q[OrderBits-1:0]] <= turn_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      put_q     <= '0;
      got_q     <= '0;
      stopped_q <= 1'b0;
    end else begin
      put_q     <= put_q + (OrderBits + 1)'(ask);
      got_q     <= got_q + (OrderBits + 1)'(ours && r_last_i);
      stopped_q <= stopped_q || (ours && r_resp_i[1]);
    end
  end

  assign error_o = stopped_q;

  for (genvar c = 0; c < Clients; c++) begin : g_client
    localparam int unsigned Count     = Beats[32*c+:32];
    localparam int unsigned Length    = Lengths[32*c+:32];
    localparam int unsigned RingSlots = Slots[32*c+:32];
    localparam int unsigned Depth     = (RingSlots == 0) ? QueueBeats : 2 * BurstBeats;
    localparam int unsigned Bursts    = (Count + Length - 1) / Length;
    localparam int unsigned Rest      = Count - (Bursts - 1) * Length;  // beats of the last burst
    localparam int unsigned Regions   = Turns[32*c+:32];
    localparam int unsigned Places    = (RingSlots == 0) ? Regions * Bursts : RingSlots;
    localparam int unsigned PlaceBits = (Places > 1) ? $clog2(Places) : 1;

    logic [RoomBits-1:0]  room_d, room_q;
    logic [PlaceBits-1:0] place_d, place_q;
    logic                 freed, granted, rewind, last;  // rewind: the next burst is in the last place; last: of its frame

    assign first[c]  = Offsets[32*c+:32];
    assign place[c]  = 32'(place_q);
    assign rewind    = place_q == PlaceBits'(Places - 1);
    assign length[c] = last ? 8'(Rest - 1) : 8'(Length - 1);
    assign room_d    = room_q + RoomBits'(freed) - (asks[c] ? RoomBits'(length[c]) + RoomBits'(1) : '0);
    assign room[c]   = room_q >= RoomBits'(BurstBeats) && granted;

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        room_q  <= RoomBits'(Depth);
        place_q <= '0;
      end else begin
        room_q <= room_d;
        if (asks[c]) place_q <= place_d;
      end
    end

    if (Regions > 1) begin : g_turns
      logic [PlaceBits-1:0] origin_q;  // of the region
      logic                 pass_last;

      assign place_d = !last ? place_q + PlaceBits'(1) : !pass_last ? origin_q : rewind ? '0 : place_q + PlaceBits'(1);

      always_ff @(posedge clk_i) begin
        if (!rst_ni) origin_q <= '0;
        else if (asks[c] && last) origin_q <= place_d;
      end

      g2h_count #(
        .Count(Passes[32*c+:32])
      ) u_passes (
        .clk_i (clk_i),
        .rst_ni(rst_ni),
        .step_i(asks[c] && last),
        .last_o(pass_last)
      );
    end else begin : g_alone
      assign place_d = rewind ? '0 : place_q + PlaceBits'(1);
    end

    if (RingSlots == 0) begin : g_region
      logic unused_grant;
      assign unused_grant = &{1'b0, grant_i[c]};
      assign granted      = 1'b1;
      assign done_o[c]    = 1'b0;
      if (Regions > 1) begin : g_many
        g2h_count #(
          .Count(Bursts)
        ) u_bursts (
          .clk_i (clk_i),
          .rst_ni(rst_ni),
          .step_i(asks[c]),
          .last_o(last)
        );
      end else begin : g_one
        assign last = rewind;
      end
    end else begin : g_ring
      localparam int unsigned GrantBits = $clog2(RingSlots + 1);
      logic [GrantBits-1:0] grants_q;

      assign granted = grants_q != '0;
      always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
          grants_q  <= '0;
          done_o[c] <= 1'b0;
        end else begin
          grants_q  <= grants_q + GrantBits'(grant_i[c]) - GrantBits'(asks[c]);
          done_o[c] <= beat && r_last_i && whose == ClientBits'(c);
        end
      end

      g2h_count #(
        .Count((Rest == Length) ? 1 : Bursts)  // where no burst is short all may be last ones
      ) u_count (
        .clk_i (clk_i),
        .rst_ni(rst_ni),
        .step_i(asks[c]),
        .last_o(last)
      );
    end

    g2h_fifo #(
      .Width(DataBits),
      .Ratio(1),
      .Depth(Depth)
    ) u_queue (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .push_i (beat && whose == ClientBits'(c)),
      .data_i (r_data_i),
      .freed_o(freed),
      .data_o (m_data_o[c]),
      .valid_o(m_valid_o[c]),
      .ready_i(m_ready_i[c])
    );
  end

`ifdef GAN2HLS_TRACE
  logic [63:0] beats_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) beats_q <= '0;
    else beats_q <= beats_q + 64'(ours);
  end
`endif
endmodule
