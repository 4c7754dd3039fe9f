// A systolic array of ROWS x COLUMNS PEs, weight-stationary or output-stationary (docs/systolic.md,
// Registers of a PE). All registers of all PEs change together; what enters at the edges is the
// business of whoever drives the ports: operands skewed by row and column, zeros where there are
// none.
module systolic_pe #(
    parameter bit OUTPUTS_STAY = 0,
    parameter int OPERAND = 8,
    parameter int SUM = 32
) (
    input logic clock,
    input logic reset,
    input logic [OPERAND-1:0] a_in,
    input logic [SUM-1:0] b_in,  // partial sum, or weight
    input logic [SUM-1:0] d_in,
    input logic valid_in,
    input logic propagate_in,
    input logic take,         // weights: w[which] takes what is in d; outputs: d takes w[which]
    input logic clear,        // w[which] is 0 from now on (outputs)
    input logic which,
    // A stuck-at of this PE: kind (below; 0: none), bit, level.
    input logic [3:0] fault_kind,
    input logic [4:0] fault_bit,
    input logic fault_one,
    output logic [OPERAND-1:0] a_out,
    output logic [SUM-1:0] b_out,
    output logic [SUM-1:0] d_out,
    output logic valid_out,
    output logic propagate_out
);
  typedef enum logic [3:0] {
    NONE, A, B, D, W0, W1, VALID, PROPAGATE, PRODUCT
  } kind_t;

  logic [OPERAND-1:0] a;
  logic [SUM-1:0] b, d, w[2];
  logic valid, propagate;

  logic [SUM-1:0] a_read, b_read, d_read, w_read[2], product, sum;
  logic [2*OPERAND-1:0] product_read;
  logic signed [OPERAND-1:0] x, y;

  function automatic logic [SUM-1:0] read(input logic [3:0] kind, input logic [SUM-1:0] stored);
    read = stored;
    if (fault_kind == kind) read[fault_bit] = fault_one;
  endfunction

  assign a_read = read(A, SUM'(a));
  assign b_read = read(B, b);
  assign d_read = read(D, OUTPUTS_STAY && take ? w_read[which] : d);
  assign w_read[0] = read(W0, w[0]);
  assign w_read[1] = read(W1, w[1]);
  assign valid_out = fault_kind == VALID ? fault_one : valid;
  assign propagate_out = fault_kind == PROPAGATE ? fault_one : propagate;
  assign x = a_read[OPERAND-1:0];
  assign y = OUTPUTS_STAY ? b_read[OPERAND-1:0] : w_read[propagate_out][OPERAND-1:0];
  assign product = read(PRODUCT, SUM'(signed'(2 * OPERAND)'(x) * signed'(2 * OPERAND)'(y)));
  assign product_read = product[2*OPERAND-1:0];
  assign sum = (OUTPUTS_STAY ? w_read[propagate_out] : b_read) + SUM'(signed'(product_read));
  assign a_out = a_read[OPERAND-1:0];
  assign b_out = OUTPUTS_STAY ? b_read : sum;
  assign d_out = d_read;

  function automatic logic [SUM-1:0] held(input logic index, input logic [SUM-1:0] value);
    held = value;
    if (fault_kind == (index ? W1 : W0)) held[fault_bit] = fault_one;
  endfunction

  always_ff @(posedge clock) begin
    if (reset) begin
      a <= 0;
      b <= 0;
      d <= 0;
      w[0] <= 0;
      w[1] <= 0;
      valid <= 0;
      propagate <= 0;
    end else begin
      a <= a_in;
      d <= d_in;
      valid <= valid_in;
      propagate <= propagate_in;
      if (OUTPUTS_STAY || valid_in) b <= b_in;
      if (OUTPUTS_STAY) begin
        if (valid_out) w[propagate_out] <= held(propagate_out, sum);
        if (clear) w[which] <= 0;
      end else if (take) begin
        w[which] <= d_read;
      end
    end
  end
endmodule

module systolic_array #(
    parameter int OUTPUTS_STAY = 0,
    parameter int ROWS = 3,
    parameter int COLUMNS = 3,
    parameter int OPERAND = 8,
    parameter int SUM = 32
) (
    input logic clock,
    input logic reset,
    // What the registers of row 0 and column 0 hold after the next edge.
    input logic [ROWS-1:0][OPERAND-1:0] a_in,
    input logic [COLUMNS-1:0][SUM-1:0] b_in,
    input logic [COLUMNS-1:0][SUM-1:0] d_in,
    input logic [COLUMNS-1:0] valid_in,
    input logic [COLUMNS-1:0] propagate_in,
    input logic [COLUMNS-1:0] take,
    input logic [COLUMNS-1:0] which,
    input logic clear,
    input logic [3:0] fault_kind,
    input logic [7:0] fault_row,
    input logic [7:0] fault_column,
    input logic [4:0] fault_bit,
    input logic fault_one,
    // Below the last row.
    output logic [COLUMNS-1:0][SUM-1:0] b_out,
    output logic [COLUMNS-1:0][SUM-1:0] d_out,
    output logic [COLUMNS-1:0] valid_out
);
  logic [OPERAND-1:0] a[ROWS][COLUMNS+1];
  logic [SUM-1:0] b[ROWS+1][COLUMNS], d[ROWS+1][COLUMNS];
  logic valid[ROWS+1][COLUMNS], propagate[ROWS+1][COLUMNS];

  for (genvar r = 0; r < ROWS; r++) assign a[r][0] = a_in[r];
  for (genvar c = 0; c < COLUMNS; c++) begin
    assign b[0][c] = b_in[c];
    assign d[0][c] = d_in[c];
    assign valid[0][c] = valid_in[c];
    assign propagate[0][c] = propagate_in[c];
    assign b_out[c] = b[ROWS][c];
    assign d_out[c] = d[ROWS][c];
    assign valid_out[c] = valid[ROWS][c];
    for (genvar r = 0; r < ROWS; r++) begin
      systolic_pe #(
          .OUTPUTS_STAY(OUTPUTS_STAY != 0),
          .OPERAND(OPERAND),
          .SUM(SUM)
      ) pe (
          .clock,
          .reset,
          .a_in(a[r][c]),
          .b_in(b[r][c]),
          .d_in(d[r][c]),
          .valid_in(valid[r][c]),
          .propagate_in(propagate[r][c]),
          .take(take[c]),
          .clear,
          .which(which[c]),
          .fault_kind(fault_row == r && fault_column == c ? fault_kind : 4'd0),
          .fault_bit,
          .fault_one,
          .a_out(a[r][c+1]),
          .b_out(b[r+1][c]),
          .d_out(d[r+1][c]),
          .valid_out(valid[r+1][c]),
          .propagate_out(propagate[r+1][c])
      );
    end
  end
endmodule
