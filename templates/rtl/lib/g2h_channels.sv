// g2h_channels: which channels a beat has, where channels come in runs.
//
// Equation    for each band / fold in Folds / row in Rows of the band / pixel in Pixels of the row / group in Groups:
//               word_o = (phase * Folds + fold) * Groups + group
//             phase counts the rows of all bands modulo Phases, so every fold of a band begins with that of its first row.
//             Where all folds of a pixel follow one another, Folds and Rows are 1.
// Latency     word_o, pixel_last_o and band_last_o belong to the next beat; a beat step_i in clock t acts in clock t + 1.
// Parameters  all counts >= 1; WordBits holds Phases * Folds * Groups - 1.  With one phase all rows of a band may be
//             pixels of one row.
module g2h_channels #(
  parameter int unsigned Groups   = 1,
  parameter int unsigned Pixels   = 1,
  parameter int unsigned Rows     = 1,
  parameter int unsigned Folds    = 1,
  parameter int unsigned Phases   = 1,
  parameter int unsigned WordBits = 1
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                step_i,
  output logic [WordBits-1:0] word_o,
  output logic                pixel_last_o,
  output logic                band_last_o
);
  logic [WordBits-1:0] word_q;
  logic                group_last, column_last, row_last, fold_last, row_done, fold_done;

  assign row_done     = step_i && group_last && column_last;
  assign fold_done    = row_done && row_last;
  assign word_o       = word_q;
  assign pixel_last_o = group_last;
  assign band_last_o  = group_last && column_last && row_last && fold_last;

  g2h_count #(
    .Count(Pixels)
  ) u_columns (
    .clk_i (clk_i),
    .rst_ni(rst_ni),
    .step_i(step_i && group_last),
    .last_o(column_last)
  );

  g2h_count #(
    .Count(Rows)
  ) u_rows (
    .clk_i (clk_i),
    .rst_ni(rst_ni),
    .step_i(row_done),
    .last_o(row_last)
  );

  g2h_count #(
    .Count(Folds)
  ) u_folds (
    .clk_i (clk_i),
    .rst_ni(rst_ni),
    .step_i(fold_done),
    .last_o(fold_last)
  );

  if (Folds * Phases == 1) begin : g_one_run
    assign group_last = word_q == WordBits'(Groups - 1);

    always_ff @(posedge clk_i) begin
      if (!rst_ni) word_q <= '0;
      else if (step_i) word_q <= group_last ? '0 : word_q + WordBits'(1);
    end
  end else begin : g_runs
    localparam int unsigned PhaseWords = Folds * Groups;
    // row_q: the first word of the row; fold_q: that of the fold's first row.
    logic [WordBits-1:0] row_d, row_q, fold_q, next_row;

    g2h_count #(
      .Count(Groups)
    ) u_groups (
      .clk_i (clk_i),
      .rst_ni(rst_ni),
      .step_i(step_i),
      .last_o(group_last)
    );

    always_comb begin
      if (!row_last) row_d = next_row;
      else if (!fold_last) row_d = fold_q + WordBits'(Groups);
      else row_d = next_row - WordBits'((Folds - 1) * Groups);
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        word_q <= '0;
        row_q  <= '0;
      end else if (step_i) begin
        if (!group_last) word_q <= word_q + WordBits'(1);
        else word_q <= column_last ? row_d : row_q;
        if (row_done) row_q <= row_d;
      end
    end

    if (Rows > 1) begin : g_rows
      always_ff @(posedge clk_i) begin
        if (!rst_ni) fold_q <= '0;
        else if (fold_done) fold_q <= row_d;
      end
    end else begin : g_one_row
      assign fold_q = row_q;
    end

    if (Phases > 1) begin : g_phases
      localparam int unsigned PhaseBits = $clog2(Phases);
      logic [PhaseBits-1:0] phase_q, first_q, following;  // first_q: of the band's first row
      logic                 phase_last;

      assign phase_last = phase_q == PhaseBits'(Phases - 1);
      assign following  = phase_last ? '0 : phase_q + PhaseBits'(1);
      assign next_row   = phase_last ? row_q - WordBits'((Phases - 1) * PhaseWords) : row_q + WordBits'(PhaseWords);

      always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
          phase_q <= '0;
          first_q <= '0;
        end else if (row_done) begin
          phase_q <= (row_last && !fold_last) ? first_q : following;
          if (row_last && fold_last) first_q <= following;
        end
      end
    end else begin : g_one_phase
      assign next_row = row_q;
    end
  end
endmodule
