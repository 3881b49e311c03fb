// g2h_norm_walk: where a beat stands in its map, and where the statistics of its sets are kept.
//
// Equation    beats count SlotBeats to a slot, slots count Slots to a pixel, pixels count Pixels to a map;
//             word_o = (map modulo Copies) * Slots + slot_o.  first_o and last_o are those of the sums of a slot.
// Latency     all outputs belong to the next beat; step_i takes it.  They depend on registers alone.
module g2h_norm_walk #(
  parameter int unsigned Slots     = 1,
  parameter int unsigned SlotBeats = 1,
  parameter int unsigned Pixels    = 2,
  parameter int unsigned Copies    = 2,
  localparam int unsigned SlotBits = (Slots > 1) ? $clog2(Slots) : 1,
  localparam int unsigned WordBits = (Copies * Slots > 1) ? $clog2(Copies * Slots) : 1
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                step_i,
  output logic [SlotBits-1:0] slot_o,
  output logic [WordBits-1:0] word_o,
  output logic                first_o,
  output logic                last_o,
  output logic                map_first_o,
  output logic                map_last_o
);
  localparam int unsigned BeatBits  = (SlotBeats > 1) ? $clog2(SlotBeats) : 1;
  localparam int unsigned PixelBits = (Pixels > 1) ? $clog2(Pixels) : 1;

  logic [BeatBits-1:0]  beat_q;
  logic [SlotBits-1:0]  slot_q;
  logic [PixelBits-1:0] pixel_q;
  logic [WordBits-1:0]  word_q, base_q, following;  // base_q: of slot 0 of this map
  logic                 beat_last, slot_last, pixel_last;

  assign beat_last   = beat_q == BeatBits'(SlotBeats - 1);
  assign slot_last   = slot_q == SlotBits'(Slots - 1);
  assign pixel_last  = pixel_q == PixelBits'(Pixels - 1);
  assign slot_o      = slot_q;
  assign word_o      = word_q;
  assign first_o     = pixel_q == '0 && beat_q == '0;
  assign last_o      = pixel_last && beat_last;
  assign map_first_o = first_o && slot_q == '0;
  assign map_last_o  = last_o && slot_last;
  assign following   = (word_q == WordBits'(Copies * Slots - 1)) ? '0 : word_q + WordBits'(1);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      beat_q  <= '0;
      slot_q  <= '0;
      pixel_q <= '0;
      word_q  <= '0;
      base_q  <= '0;
    end else if (step_i) begin
      beat_q <= beat_last ? '0 : beat_q + BeatBits'(1);
      if (beat_last) begin
        slot_q <= slot_last ? '0 : slot_q + SlotBits'(1);
        word_q <= (slot_last && !pixel_last) ? base_q : following;
        if (slot_last) pixel_q <= pixel_last ? '0 : pixel_q + PixelBits'(1);
        if (slot_last && pixel_last) base_q <= following;
      end
    end
  end
endmodule
