// One word of the narrower side per cycle, bits in order, one flattened loop over the run. The last
// wide word of a packet may be partly empty.
module width_converter #(
    parameter int IN_BITS = 8,
    parameter int OUT_BITS = 8,
    parameter int NARROW_WORDS_PER_PACKET = 1,
    parameter int LATENCY = 1,
    localparam int RATIO = IN_BITS > OUT_BITS ? IN_BITS / OUT_BITS : OUT_BITS / IN_BITS,
    localparam bit WIDENS = OUT_BITS > IN_BITS,
    localparam int WIDE = WIDENS ? OUT_BITS : IN_BITS,
    localparam int NARROW = WIDENS ? IN_BITS : OUT_BITS
) (
    input logic aclk,
    input logic aresetn,
    input logic stalling,
    input logic [31:0] packets,  // of the run
    input logic [IN_BITS-1:0] s_data,
    input logic s_valid,
    output logic s_ready,
    output logic [OUT_BITS-1:0] m_data,
    output logic m_last,
    output logic m_valid,
    input logic m_ready
);
  logic [WIDE-1:0] wide, wide_now;
  int position;
  logic [31:0] word, packet;
  logic reads, writes, last, finished, head, accepts, step, pending;
  logic [OUT_BITS-1:0] value;

  assign reads = WIDENS || position == 0;
  assign last = word == NARROW_WORDS_PER_PACKET - 1;
  assign writes = !WIDENS || last || position == RATIO - 1;
  assign finished = packet == packets;
  assign head = aresetn && !finished && (!reads || s_valid);
  assign step = head && accepts;
  assign s_ready = aresetn && !finished && reads && accepts;

  if (WIDENS) begin : widening
    always_comb begin
      wide_now = position == 0 ? '0 : wide;
      wide_now[position*NARROW+:NARROW] = s_data;
    end
    assign value = wide_now;
  end else begin : narrowing
    assign wide_now = reads ? s_data : wide;
    assign value = wide_now[position*NARROW+:NARROW];
  end

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      position <= 0;
      word <= 0;
      packet <= 0;
    end else if (step) begin
      wide <= wide_now;
      position <= last || position == RATIO - 1 ? 0 : position + 1;
      word <= last ? 0 : word + 1;
      if (last) packet <= packet + 1;
    end
  end

  loop_pipeline #(.WIDTH(OUT_BITS + 1), .LATENCY(LATENCY)) pipeline (
      .clk(aclk), .resetn(aresetn), .stalling, .head, .finished, .writes, .value({last, value}),
      .accepts, .pending, .tvalid(m_valid), .tready(m_ready), .tdata({m_last, m_data}));
endmodule
