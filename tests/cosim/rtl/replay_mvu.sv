// Matrix-vector unit with binary weights and inputs whose sums leave as they are, with the mechanisms
// of FINN's in RTL: with more than one neuron fold words of windows go into a replay buffer of a
// power of two, which is read through a register; the core is a pipeline of STAGES; its results
// leave through two registers, of which the second stops the core while the first is not read. The
// folds are constant from before the reset ends, their product at most WEIGHTS.
//
// Weights come from the file of +weights=, as for mvtu.sv.
module replay_mvu #(
    parameter int PE = 1,
    parameter int SIMD = 1,
    parameter int WEIGHTS = 64,
    parameter int ACCUMULATOR_BITS = 8,
    parameter int STAGES = 5,
    localparam int SUMS = PE * ACCUMULATOR_BITS,
    localparam int IN_WIDTH = (SIMD + 7) / 8 * 8,
    localparam int OUT_WIDTH = (SUMS + 7) / 8 * 8
) (
    input logic aclk,
    input logic aresetn,
    input logic stalling,  // the core is all that stops
    input logic [15:0] synapse_fold,
    input logic [15:0] neuron_fold,
    // The stuck-at: kind 1 is the replay buffer, at slot fault_address; kind 2 an output register
    // (fault_address 0: the one that waits, 1: the one that drives the stream).
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
  int SF, NF, DEPTH;
  assign SF = int'(synapse_fold);
  assign NF = int'(neuron_fold);
  assign DEPTH = SF > 2 ? 1 << $clog2(SF) : 2;

  logic [PE*SIMD-1:0] weights[WEIGHTS];
  initial begin
    string file;
    if ($value$plusargs("weights=%s", file)) $readmemh(file, weights);
  end

  // What the core takes in a cycle in which it is enabled: a word of the stream, or of the buffer.
  logic enabled, direct, head_valid, head_last;
  logic [SIMD-1:0] head;
  int head_address;
  logic there, last_step, last_fold, replay_valid, replay_last;
  logic [SIMD-1:0] cells[WEIGHTS], word, replay_head;
  int stored, freed, next;  // words of the run
  int sf, nf;               // of the next word to be read
  int replay_address;

  assign direct = NF == 1;
  assign s_axis_tready = aresetn && (direct ? enabled : stored - freed < DEPTH);
  assign head_valid = direct ? aresetn && s_axis_tvalid : replay_valid;
  assign head = direct ? s_axis_tdata[SIMD-1:0] : replay_head;
  assign head_last = direct ? last_step : replay_last;
  assign head_address = direct ? sf : replay_address;
  assign there = next != stored;
  assign last_step = sf == SF - 1;
  assign last_fold = nf == NF - 1;
  always_comb begin
    word = cells[next%DEPTH];
    for (int b = 0; b < SIMD; b++) begin
      if (fault_kind == 1 && int'(fault_address) == next % DEPTH && int'(fault_index) == b) begin
        word[b] = fault_one;
      end
    end
  end

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      stored <= 0;
      freed <= 0;
      next <= 0;
      sf <= 0;
      nf <= 0;
      replay_valid <= 0;
    end else if (direct) begin
      if (enabled && head_valid) sf <= last_step ? 0 : sf + 1;
    end else begin
      if (s_axis_tvalid && s_axis_tready) begin
        cells[stored%DEPTH] <= s_axis_tdata[SIMD-1:0];
        stored <= stored + 1;
      end
      if (!replay_valid || enabled) begin
        replay_valid <= there;
        replay_head <= word;
        replay_last <= last_step;
        replay_address <= nf * SF + sf;
        if (there) begin
          if (last_fold) freed <= freed + 1;
          next <= last_step && !last_fold ? next - (SF - 1) : next + 1;
          sf <= last_step ? 0 : sf + 1;
          if (last_step) nf <= last_fold ? 0 : nf + 1;
        end
      end
    end
  end

  // The core.
  logic [ACCUMULATOR_BITS-1:0] accumulator[PE];
  logic [SUMS-1:0] sums;
  logic first_step;
  always_comb begin
    for (int pe = 0; pe < PE; pe++) begin
      logic [ACCUMULATOR_BITS-1:0] sum;
      sum = first_step ? '0 : accumulator[pe];
      for (int lane = 0; lane < SIMD; lane++) begin
        sum = sum + ACCUMULATOR_BITS'(!(weights[head_address][pe*SIMD+lane] ^ head[lane]));
      end
      sums[pe*ACCUMULATOR_BITS+:ACCUMULATOR_BITS] = sum;
    end
  end

  logic [STAGES-1:0] full;
  logic [SUMS-1:0] stage[STAGES];
  logic starts, leaves;
  assign starts = enabled && head_valid;
  assign leaves = full[STAGES-1];
  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      first_step <= 1;
      full <= '0;
    end else if (enabled) begin
      full <= {full[STAGES-2:0], starts && head_last};
      stage[0] <= sums;
      for (int s = 1; s < STAGES; s++) stage[s] <= stage[s-1];
      if (starts) begin
        for (int pe = 0; pe < PE; pe++) begin
          accumulator[pe] <= sums[pe*ACCUMULATOR_BITS+:ACCUMULATOR_BITS];
        end
        first_step <= head_last;
      end
    end
  end

  // The registers behind it.
  logic drives, waits, loads;
  logic [SUMS-1:0] driving, waiting, waiting_read, driving_read;
  int written;  // words of the packet
  assign enabled = !waits;
  assign loads = !drives || m_axis_tready;
  always_comb begin
    waiting_read = waiting;
    driving_read = driving;
    for (int b = 0; b < SUMS; b++) begin
      if (fault_kind == 2 && int'(fault_pe) * ACCUMULATOR_BITS + int'(fault_index) == b) begin
        if (fault_address == 0) waiting_read[b] = fault_one;
        else driving_read[b] = fault_one;
      end
    end
  end
  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      drives <= 0;
      waits <= 0;
      written <= 0;
    end else begin
      if (loads) begin
        drives <= leaves || waits;
        driving <= waits ? waiting_read : stage[STAGES-1];
        waits <= 0;
      end else if (enabled && leaves) begin
        waits <= 1;
        waiting <= stage[STAGES-1];
      end
      if (drives && m_axis_tready) written <= m_axis_tlast ? 0 : written + 1;
    end
  end
  assign m_axis_tvalid = drives;
  assign m_axis_tdata = OUT_WIDTH'(driving_read);
  assign m_axis_tlast = written == NF - 1;
endmodule
