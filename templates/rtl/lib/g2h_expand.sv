// g2h_expand: runs of zeros and symbols out of the phrases of an entropy code, a symbol a clock.
//
// Equation    phrase {n, c} becomes n times Zero, then c.  The PassPhrases phrases of a pass are its PassSymbols symbols.
// Latency     phrase at s_data_i in clock t -> its first symbol in clock t + 1; one symbol a clock without a bubble.
// Handshake   m_valid_o is a register; s_ready_o, in the clock of a phrase's last symbol, depends on m_ready_i, which no
//             reader derives from another ready.
// Wrong bits  A pass takes and gives as many as it should whatever its phrases are, so that the next one is right: a
//             phrase is cut short where as many symbols are left as phrases, and zeros follow the last phrase of a pass.
// Parameters  ZeroBits >= 1; PassPhrases <= PassSymbols.
module g2h_expand #(
  parameter int unsigned           SymbolBits  = 4,
  parameter int unsigned           ZeroBits    = 1,
  parameter int unsigned           PassSymbols = 2,
  parameter int unsigned           PassPhrases = 1,
  parameter logic [SymbolBits-1:0] Zero        = '0
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,
  input  logic [ZeroBits+SymbolBits-1:0] s_data_i,
  input  logic                           s_valid_i,
  output logic                           s_ready_o,
  output logic [SymbolBits-1:0]          m_data_o,
  output logic                           m_valid_o,
  input  logic                           m_ready_i
);
  localparam int unsigned Spare     = PassSymbols - PassPhrases;  // symbols with which no phrase ends
  localparam int unsigned PhrasePtr = $clog2(PassPhrases + 1);
  localparam int unsigned SparePtr  = (Spare > 0) ? $clog2(Spare + 1) : 1;

  if (PassSymbols < PassPhrases) begin : g_check_pass
    $error("g2h_expand: PassSymbols must be at least PassPhrases");
  end

  logic [PhrasePtr-1:0]  phrases_q;  // phrases of the pass that are left
  logic [SparePtr-1:0]   spare_q;    // and symbols besides
  logic                  more_q, any_spare_q;
  logic [ZeroBits-1:0]   zeros_q;    // zeros of this phrase that are out
  logic [SymbolBits-1:0] data_q;
  logic                  valid_q, ends, take, step, last_phrase, last_spare, last;

  assign ends        = more_q && (zeros_q == s_data_i[SymbolBits+:ZeroBits] || !any_spare_q);
  assign step        = (s_valid_i || !more_q) && (!valid_q || m_ready_i);
  assign take        = step && ends;
  assign last_phrase = phrases_q == PhrasePtr'(1);
  assign last_spare  = spare_q == SparePtr'(1);
  assign last        = ends ? last_phrase && !any_spare_q : last_spare && !more_q;
  assign s_ready_o   = take;
  assign m_data_o    = data_q;
  assign m_valid_o   = valid_q;

  always_ff @(posedge clk_i) begin
    if (step) data_q <= ends ? s_data_i[SymbolBits-1:0] : Zero;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q     <= 1'b0;
      zeros_q     <= '0;
      phrases_q   <= PhrasePtr'(PassPhrases);
      spare_q     <= SparePtr'(Spare);
      more_q      <= 1'b1;
      any_spare_q <= Spare > 0;
    end else begin
      valid_q <= step || (valid_q && !m_ready_i);
      if (step) begin
        zeros_q <= (ends || last) ? '0 : zeros_q + ZeroBits'(1);
        if (last) begin
          phrases_q   <= PhrasePtr'(PassPhrases);
          spare_q     <= SparePtr'(Spare);
          more_q      <= 1'b1;
          any_spare_q <= Spare > 0;
        end else if (ends) begin
          phrases_q <= phrases_q - PhrasePtr'(1);
          more_q    <= !last_phrase;
        end else begin
          spare_q     <= spare_q - SparePtr'(1);
          any_spare_q <= !last_spare;
        end
      end
    end
  end
endmodule
