// A matrix-vector-threshold unit of one's own, with binary weights and inputs. It takes a window of MW
// inputs, SIMD a word; then PE rows at a time add SIMD products a cycle and send a bit each. It does one
// thing after the other, and so takes more cycles than stuckat's: the values are the same.
//
// +weights= and +thresholds= name files of hexadecimal lines, PE 0 lowest: line nf*SF + sf has PE*SIMD
// weights (1 is +1), line nf PE thresholds, which the number of matches must exceed.
module popcount_mvtu #(
    parameter int PE = 8,
    parameter int SIMD = 16,
    parameter int MW = 64,
    parameter int MH = 64,
    parameter int ACCUMULATOR_BITS = 7,
    parameter int THRESHOLD_BITS = 8
) (
    input logic aclk,
    input logic aresetn,
    // A stuck bit in the accumulator of one PE.
    input logic fault_armed,
    input logic [15:0] fault_pe,
    input logic [15:0] fault_bit,
    input logic fault_one,
    input logic [SIMD-1:0] s_axis_tdata,
    input logic s_axis_tvalid,
    output logic s_axis_tready,
    output logic [PE-1:0] m_axis_tdata,
    output logic m_axis_tlast,
    output logic m_axis_tvalid,
    input logic m_axis_tready
);
  localparam int SF = MW / SIMD;
  localparam int NF = MH / PE;
  typedef enum logic [1:0] {TAKE, ADD, SEND} state_t;

  logic [PE*SIMD-1:0] weights[NF*SF];
  logic [PE*THRESHOLD_BITS-1:0] thresholds[NF];
  logic [SIMD-1:0] window[SF];
  logic [ACCUMULATOR_BITS-1:0] accumulator[PE], sum[PE];
  state_t state;
  int sf, nf;

  initial begin
    string file;
    if ($value$plusargs("weights=%s", file)) $readmemh(file, weights);
    if ($value$plusargs("thresholds=%s", file)) $readmemh(file, thresholds);
  end

  assign s_axis_tready = state == TAKE;
  assign m_axis_tvalid = state == SEND;
  assign m_axis_tlast = nf == NF - 1;

  always_comb begin
    for (int pe = 0; pe < PE; pe++) begin
      sum[pe] = sf == 0 ? '0 : accumulator[pe];
      for (int lane = 0; lane < SIMD; lane++) begin
        sum[pe] += ACCUMULATOR_BITS'(weights[nf*SF+sf][pe*SIMD+lane] == window[sf][lane]);
      end
      for (int b = 0; b < ACCUMULATOR_BITS; b++) begin
        if (fault_armed && int'(fault_pe) == pe && int'(fault_bit) == b) sum[pe][b] = fault_one;
      end
    end
  end

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      state <= TAKE;
      sf <= 0;
      nf <= 0;
    end else begin
      case (state)
        TAKE: if (s_axis_tvalid) begin
          window[sf] <= s_axis_tdata;
          sf <= sf == SF - 1 ? 0 : sf + 1;
          if (sf == SF - 1) state <= ADD;
        end
        ADD: begin
          sf <= sf == SF - 1 ? 0 : sf + 1;
          for (int pe = 0; pe < PE; pe++) begin
            accumulator[pe] <= sum[pe];
            m_axis_tdata[pe] <= $signed({1'b0, sum[pe]})
                > $signed(thresholds[nf][pe*THRESHOLD_BITS+:THRESHOLD_BITS]);
          end
          if (sf == SF - 1) state <= SEND;
        end
        default: if (m_axis_tready) begin
          nf <= nf == NF - 1 ? 0 : nf + 1;
          state <= nf == NF - 1 ? TAKE : ADD;
        end
      endcase
    end
  end
endmodule
