// g2h_pair: brings an element of b to every element of a, for units that compute with both.
//
// Equation    Spread 0: b has a beat for every beat of a.
//             Spread 1: b is a vector, PixelBeats beats, which come first and are kept: those of all Pixels of the frame.
//             Spread 2: b is a plane, one element a pixel: a beat of it lasts for Lanes pixels of PixelBeats beats, and
//             every lane of b_o is the element of the pixel.
//             s_data_i holds a beat of a in its least bits, a beat of b above.
// Latency     0 clocks: a beat of a is offered in the clock in which it comes.
// Handshake   valid_o: a beat of a is there, and what it needs of b; it is taken with ready_i.  Where beats of both are
//             taken in one clock, each ready depends on the other valid; else on ready_i and registers alone.
module g2h_pair #(
  parameter int unsigned Lanes      = 1,
  parameter int unsigned ABits      = 8,
  parameter int unsigned BBits      = 8,
  parameter int unsigned Spread     = 0,
  parameter int unsigned PixelBeats = 1,
  parameter int unsigned Pixels     = 1
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,
  input  logic [Lanes*(ABits+BBits)-1:0] s_data_i,
  input  logic [1:0]                     s_valid_i,
  output logic [1:0]                     s_ready_o,
  output logic [Lanes*ABits-1:0]         a_o,
  output logic [Lanes*BBits-1:0]         b_o,
  output logic                           valid_o,
  input  logic                           ready_i
);
  localparam int unsigned BeatBits  = PixelBeats > 1 ? $clog2(PixelBeats) : 1;
  localparam int unsigned Turns     = Spread == 2 ? Lanes : Pixels;
  localparam int unsigned TurnBits  = Turns > 1 ? $clog2(Turns) : 1;

  logic [Lanes*BBits-1:0] b;

  assign a_o = s_data_i[0+:Lanes*ABits];
  assign b   = s_data_i[Lanes*ABits+:Lanes*BBits];

  if (Spread == 0) begin : g_each
    logic unused;

    assign unused    = &{1'b0, clk_i, rst_ni};
    assign b_o       = b;
    assign valid_o   = &s_valid_i;
    assign s_ready_o = {ready_i && s_valid_i[0], ready_i && s_valid_i[1]};
  end else begin : g_spread
    logic [BeatBits-1:0] beat_q, next_beat;  // of the pixel
    logic [TurnBits-1:0] turn_q;             // pixel of the frame, or of a beat of the plane
    logic                step, last_beat, last_turn;

    assign last_beat = beat_q == BeatBits'(PixelBeats - 1);
    assign last_turn = turn_q == TurnBits'(Turns - 1);
    assign next_beat = last_beat ? '0 : beat_q + BeatBits'(1);

    always_ff @(posedge clk_i) begin
      if (!rst_ni) beat_q <= '0;
      else if (step) beat_q <= next_beat;
    end

    if (Spread == 1) begin : g_vector
      logic [Lanes*BBits-1:0] memory[PixelBeats];
      logic [Lanes*BBits-1:0] b_q;
      logic                   fill_q, fills, takes;

      assign fills     = fill_q && s_valid_i[1];
      assign takes     = valid_o && ready_i;
      assign step      = fills || takes;
      assign valid_o   = !fill_q && s_valid_i[0];
      assign s_ready_o = {fill_q, !fill_q && ready_i};
      assign b_o       = b_q;

      always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
          fill_q <= 1'b1;
          turn_q <= '0;
        end else begin
          if (fills && last_beat) fill_q <= 1'b0;
          if (takes && last_beat) begin
            turn_q <= last_turn ? '0 : turn_q + TurnBits'(1);
            fill_q <= last_turn;
          end
        end
      end

      // The word of the next beat waits in a register; the first word of a vector goes there at once.
      always_ff @(posedge clk_i) begin
        if (fills) memory[beat_q] <= b;
        if (fills && beat_q == '0) b_q <= b;
        else if (takes) b_q <= memory[next_beat];
      end
    end else begin : g_plane
      logic [Lanes*BBits-1:0] kept_q, word;
      logic                   first;

      assign first     = beat_q == '0 && turn_q == '0;
      assign step      = valid_o && ready_i;
      assign valid_o   = s_valid_i[0] && (!first || s_valid_i[1]);
      assign s_ready_o = {ready_i && first && s_valid_i[0], ready_i && (!first || s_valid_i[1])};
      assign word      = first ? b : kept_q;

      always_ff @(posedge clk_i) begin
        if (!rst_ni) turn_q <= '0;
        else if (step && last_beat) turn_q <= last_turn ? '0 : turn_q + TurnBits'(1);
      end

      always_ff @(posedge clk_i) begin
        if (step && first) kept_q <= b;
      end

      logic [(Lanes+1)*BBits-1:0] chosen;

      assign chosen[0+:BBits] = '0;
      for (genvar l = 0; l < Lanes; l++) begin : g_lane
        assign chosen[(l+1)*BBits+:BBits] =
          chosen[l*BBits+:BBits] | (word[l*BBits+:BBits] & {BBits{turn_q == TurnBits'(l)}});
      end
      assign b_o = {Lanes{chosen[Lanes*BBits+:BBits]}};
    end
  end
endmodule
