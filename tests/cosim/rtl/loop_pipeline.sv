// The pipeline of a loop with initiation interval 1, in both disciplines (sim/kernel/README.md).
// A step that starts in cycle t is in stage 0 from t+1 on; its output, if it has one, leaves from
// stage LATENCY-1, at the earliest in cycle t + LATENCY.
module loop_pipeline #(
    parameter int WIDTH = 8,
    parameter int LATENCY = 1
) (
    input  logic clk,
    input  logic resetn,
    input  logic stalling,
    input  logic head,      // the next step has what it reads
    input  logic finished,  // there is no further step: bubbles push the last ones out
    input  logic writes,    // the step has an output,
    input  logic [WIDTH-1:0] value,  // this one
    output logic accepts,   // a step could start in this cycle; it does if it is there
    output logic pending,   // an output has not left yet
    output logic tvalid,
    input  logic tready,
    output logic [WIDTH-1:0] tdata
);
  logic [LATENCY-1:0] valid, write, enable;
  logic [LATENCY-1:0][WIDTH-1:0] data;
  logic last_writes, moves;

  assign last_writes = valid[LATENCY-1] && write[LATENCY-1];
  assign tdata = data[LATENCY-1];
  assign pending = |(valid & write);

  // stalling: all stages move, or none. flushing: a stage is loaded when it is empty or its content
  // moves on; a step without output is dropped from the last stage.
  always_comb begin
    logic free;
    free = !last_writes || tready;
    moves = (head || finished) && free;
    for (int i = LATENCY - 1; i >= 0; i--) begin
      if (i < LATENCY - 1) free = free || !valid[i];
      enable[i] = stalling ? moves : free;
    end
  end
  assign accepts = stalling ? (!last_writes || tready) : enable[0];
  assign tvalid = last_writes && (!stalling || head || finished);

  always_ff @(posedge clk) begin
    for (int i = LATENCY - 1; i > 0; i--) begin
      if (enable[i]) begin
        valid[i] <= valid[i-1];
        write[i] <= write[i-1];
        data[i] <= data[i-1];
      end
    end
    if (enable[0]) begin
      valid[0] <= head;
      write[0] <= writes;
      data[0] <= value;
    end
    if (!resetn) valid <= '0;
  end
endmodule
