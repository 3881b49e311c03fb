// g2h_norm: normalization by statistics of the map itself, which is kept on chip meanwhile.
//
// Equation    that of g2h_norm_core.
// Memory      a ring of Depth beats (g2h_ring, with Ultra in UltraRAM; up to 64 g2h_queue), which a map enters while its
//             sums are made and leaves when they are complete.
// Latency     a beat leaves the memory 15 + clog2(lanes of a set) clocks after the last one of its map was taken at the
//             earliest; see g2h_norm_core.
// Parameters  Copies * beats of a map >= Depth + 10 + beats of a pixel.
module g2h_norm #(
  parameter int unsigned Lanes       = 1,
  parameter int unsigned Sets        = 1,
  parameter int unsigned Slots       = 1,
  parameter int unsigned SlotBeats   = 1,
  parameter int unsigned Pixels      = 2,
  parameter int unsigned Copies      = 2,
  parameter int unsigned Depth       = 64,
  parameter bit          Ultra       = 1'b0,
  parameter int unsigned Steps       = 0,
  parameter int unsigned SerialBits  = 10,
  parameter int unsigned InBits      = 8,
  parameter bit          Signed      = 1'b1,
  parameter int          ZeroPoint   = 0,
  parameter bit          Centred     = 1'b1,
  parameter int unsigned Count       = 2,
  parameter int unsigned CodeBits    = 9,
  parameter int unsigned SumBits     = 10,
  parameter int unsigned SquareBits  = 18,
  parameter int unsigned PowerBits   = 20,
  parameter int unsigned ShiftBits   = 4,
  parameter int unsigned CentreBits  = 11,
  parameter int unsigned Turns       = 1,
  parameter int unsigned TurnRoots   = 1,
  parameter logic [Turns*32-1:0] EpsilonHigh = (Turns*32)'(0),
  parameter logic [Turns*32-1:0] EpsilonLow  = (Turns*32)'(1),
  parameter int unsigned Fraction    = 20,
  parameter int unsigned AccBits     = 25,
  parameter              ChordFile   = ""
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [Lanes*InBits-1:0]  s_data_i,
  input  logic                     s_valid_i,
  output logic                     s_ready_o,
  output logic [Lanes*AccBits-1:0] acc_o,
  output logic                     valid_o,
  input  logic                     ready_i
);
  logic [Lanes*InBits-1:0] map, held;
  logic                    map_valid, map_ready, held_valid, held_ready;

  g2h_norm_core #(
    .Lanes      (Lanes),
    .Sets       (Sets),
    .Slots      (Slots),
    .SlotBeats  (SlotBeats),
    .Pixels     (Pixels),
    .Copies     (Copies),
    .Steps      (Steps),
    .SerialBits (SerialBits),
    .InBits     (InBits),
    .Signed     (Signed),
    .ZeroPoint  (ZeroPoint),
    .Centred    (Centred),
    .Count      (Count),
    .CodeBits   (CodeBits),
    .SumBits    (SumBits),
    .SquareBits (SquareBits),
    .PowerBits  (PowerBits),
    .ShiftBits  (ShiftBits),
    .CentreBits (CentreBits),
    .Turns      (Turns),
    .TurnRoots  (TurnRoots),
    .EpsilonHigh(EpsilonHigh),
    .EpsilonLow (EpsilonLow),
    .Fraction   (Fraction),
    .AccBits    (AccBits),
    .ChordFile  (ChordFile)
  ) u_core (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
    .s_data_i    (s_data_i),
    .s_valid_i   (s_valid_i),
    .s_ready_o   (s_ready_o),
    .map_data_o  (map),
    .map_valid_o (map_valid),
    .map_ready_i (map_ready),
    .held_data_i (held),
    .held_valid_i(held_valid),
    .held_ready_o(held_ready),
    .acc_o       (acc_o),
    .valid_o     (valid_o),
    .ready_i     (ready_i)
  );

  if (Depth > 64) begin : g_ring
    g2h_ring #(
      .Width(Lanes * InBits),
      .Depth(Depth),
      .Ultra(Ultra)
    ) u_ring (
      .clk_i    (clk_i),
      .rst_ni   (rst_ni),
      .s_data_i (map),
      .s_valid_i(map_valid),
      .s_ready_o(map_ready),
      .m_data_o (held),
      .m_valid_o(held_valid),
      .m_ready_i(held_ready)
    );
  end else begin : g_queue
    g2h_queue #(
      .Width(Lanes * InBits),
      .Depth(Depth)
    ) u_queue (
      .clk_i    (clk_i),
      .rst_ni   (rst_ni),
      .s_data_i (map),
      .s_valid_i(map_valid),
      .s_ready_o(map_ready),
      .m_data_o (held),
      .m_valid_o(held_valid),
      .m_ready_i(held_ready)
    );
  end
endmodule
