// Matrix-vector-threshold unit with binary weights and inputs: PE rows and SIMD columns a cycle,
// XNOR-popcount, one threshold a row. One flattened loop over (window, nf, sf), sf fastest; a word
// is read in each step of nf = 0 and written in the last step of each nf.
//
// Weights and thresholds come from the files of +weights= and +thresholds=: one line for each
// address nf*SF + sf (nf), PE*SIMD (PE*THRESHOLD_BITS) bits, PE 0 lowest.
module mvtu #(
    parameter int PE = 1,
    parameter int SIMD = 1,
    parameter int MW = 1,
    parameter int MH = 1,
    parameter int ACCUMULATOR_BITS = 8,
    parameter int THRESHOLD_BITS = 8,
    parameter int LATENCY = 6,
    parameter int WINDOWS_PER_PACKET = 1,
    localparam int IN_WIDTH = (SIMD + 7) / 8 * 8,
    localparam int OUT_WIDTH = (PE + 7) / 8 * 8
) (
    input logic aclk,
    input logic aresetn,
    input logic stalling,
    input logic [31:0] windows,  // of the run
    // The stuck-at: kind (below; 0: none), PE, address in a memory, lane or bit, level.
    input logic [3:0] fault_kind,
    input logic [15:0] fault_pe,
    input logic [15:0] fault_address,
    input logic [15:0] fault_index,
    input logic fault_one,
    input logic [IN_WIDTH-1:0] s_axis_tdata,
    input logic s_axis_tvalid,
    output logic s_axis_tready,
    output logic [OUT_WIDTH-1:0] m_axis_tdata,
    output logic m_axis_tlast,
    output logic m_axis_tvalid,
    input logic m_axis_tready
);
  localparam int SF = MW / SIMD;
  localparam int NF = MH / PE;
  typedef enum logic [3:0] {
    NONE, INPUT, WEIGHT, PRODUCT, ACCUMULATOR, THRESHOLD, COMPARATOR, OUTPUT
  } kind_t;

  logic [PE*SIMD-1:0] weights[NF*SF];
  logic [PE*THRESHOLD_BITS-1:0] thresholds[NF];
  logic [SIMD-1:0] window[SF];
  logic [ACCUMULATOR_BITS-1:0] accumulator[PE], accumulator_next[PE];
  int nf, sf;
  logic [31:0] window_count, packet_count;
  logic reads, finished, head, accepts, step, writes, pending;
  logic [SIMD-1:0] columns;
  logic [PE-1:0] codes;

  initial begin
    string file;
    if ($value$plusargs("weights=%s", file)) $readmemh(file, weights);
    if ($value$plusargs("thresholds=%s", file)) $readmemh(file, thresholds);
  end

  assign reads = nf == 0;
  assign finished = window_count == windows;
  assign head = aresetn && !finished && (!reads || s_axis_tvalid);
  assign step = head && accepts;
  assign s_axis_tready = aresetn && !finished && reads && accepts;
  assign columns = reads ? s_axis_tdata[SIMD-1:0] : window[sf];
  assign writes = sf == SF - 1;

  function automatic logic stuck(kind_t kind, int pe, int index, logic raw);
    return fault_kind == kind && int'(fault_pe) == pe && int'(fault_index) == index ? fault_one : raw;
  endfunction

  always_comb begin
    for (int pe = 0; pe < PE; pe++) begin
      logic [ACCUMULATOR_BITS-1:0] sum;
      logic [THRESHOLD_BITS-1:0] threshold;
      logic code;
      sum = sf == 0 ? '0 : accumulator[pe];
      for (int lane = 0; lane < SIMD; lane++) begin
        logic weight, product;
        weight = weights[nf*SF+sf][pe*SIMD+lane];
        if (int'(fault_address) == nf * SF + sf) weight = stuck(WEIGHT, pe, lane, weight);
        product = !(weight ^ stuck(INPUT, pe, lane, columns[lane]));
        sum = sum + ACCUMULATOR_BITS'(stuck(PRODUCT, pe, lane, product));
      end
      for (int b = 0; b < ACCUMULATOR_BITS; b++) sum[b] = stuck(ACCUMULATOR, pe, b, sum[b]);
      accumulator_next[pe] = sum;
      threshold = thresholds[nf][pe*THRESHOLD_BITS+:THRESHOLD_BITS];
      for (int b = 0; b < THRESHOLD_BITS; b++) begin
        if (int'(fault_address) == nf) threshold[b] = stuck(THRESHOLD, pe, b, threshold[b]);
      end
      code = $signed(33'(sum)) > 33'($signed(threshold));
      code = stuck(COMPARATOR, pe, 0, code);
      codes[pe] = stuck(OUTPUT, pe, 0, code);
    end
  end

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      nf <= 0;
      sf <= 0;
      window_count <= 0;
      packet_count <= 0;
    end else if (step) begin
      for (int pe = 0; pe < PE; pe++) accumulator[pe] <= accumulator_next[pe];
      if (reads) window[sf] <= columns;
      sf <= writes ? 0 : sf + 1;
      if (writes) nf <= nf == NF - 1 ? 0 : nf + 1;
      if (writes && nf == NF - 1) begin
        window_count <= window_count + 1;
        packet_count <= packet_count == WINDOWS_PER_PACKET - 1 ? 0 : packet_count + 1;
      end
    end
  end

  loop_pipeline #(.WIDTH(PE + 1), .LATENCY(LATENCY)) pipeline (
      .clk(aclk), .resetn(aresetn), .stalling, .head, .finished, .writes,
      .value({nf == NF - 1 && packet_count == WINDOWS_PER_PACKET - 1, codes}),
      .accepts, .pending, .tvalid(m_axis_tvalid), .tready(m_axis_tready),
      .tdata({m_axis_tlast, m_axis_tdata[PE-1:0]}));
  if (OUT_WIDTH > PE) assign m_axis_tdata[OUT_WIDTH-1:PE] = '0;
endmodule
