// Sliding-window unit with the loops of the HLS version: loads KERNEL rows, then for each output row
// writes its windows (ky, kx, channels) while it reads the STRIDE rows of the next one. Lets its
// pipeline run empty after each image.
module sliding_window #(
    parameter int BITS = 8,
    parameter int KERNEL = 3,
    parameter int STRIDE = 1,
    parameter int HEIGHT = 8,
    parameter int WIDTH = 8,
    parameter int WORDS = 1,  // of a pixel
    parameter int LATENCY = 1
) (
    input logic aclk,
    input logic aresetn,
    input logic stalling,
    input logic [31:0] images,  // of the run
    input logic [BITS-1:0] s_data,
    input logic s_valid,
    output logic s_ready,
    output logic [BITS-1:0] m_data,
    output logic m_valid,
    input logic m_ready
);
  localparam int OUT_HEIGHT = (HEIGHT - KERNEL) / STRIDE + 1;
  localparam int OUT_WIDTH = (WIDTH - KERNEL) / STRIDE + 1;
  localparam int ROWS = KERNEL + STRIDE;  // in the buffer
  localparam int ROW_WORDS = WIDTH * WORDS;
  localparam int FIRST = KERNEL * ROW_WORDS;
  localparam int WRITES = OUT_WIDTH * KERNEL * KERNEL * WORDS;  // in the steps of an output row
  localparam int READS = STRIDE * ROW_WORDS;
  localparam int STEPS = WRITES > READS ? WRITES : READS;

  logic [BITS-1:0] cells[ROWS*ROW_WORDS];
  int loaded, write_at, row, row_step, ox, ky, kx, word, image;
  logic filling, reads, writes, draining, finished, head, accepts, step, pending, image_ends;

  assign filling = loaded < FIRST;
  assign reads = filling || (row_step < READS && loaded < HEIGHT * ROW_WORDS);
  assign writes = !filling && row_step < WRITES;
  assign finished = image == int'(images);
  assign head = aresetn && !finished && !(draining && pending) && (!reads || s_valid);
  assign step = head && accepts;
  assign s_ready = aresetn && !finished && !(draining && pending) && reads && accepts;
  assign image_ends = !filling && row_step == STEPS - 1 && row == OUT_HEIGHT - 1;

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      loaded <= 0;
      write_at <= 0;
      row <= 0;
      row_step <= 0;
      ox <= 0;
      ky <= 0;
      kx <= 0;
      word <= 0;
      image <= 0;
      draining <= 0;
    end else if (step) begin
      draining <= image_ends;
      if (reads) begin
        cells[write_at] <= s_data;
        loaded <= loaded + 1;
        write_at <= write_at == ROWS * ROW_WORDS - 1 ? 0 : write_at + 1;
      end
      if (writes) begin
        word <= word == WORDS - 1 ? 0 : word + 1;
        if (word == WORDS - 1) kx <= kx == KERNEL - 1 ? 0 : kx + 1;
        if (word == WORDS - 1 && kx == KERNEL - 1) ky <= ky == KERNEL - 1 ? 0 : ky + 1;
        if (word == WORDS - 1 && kx == KERNEL - 1 && ky == KERNEL - 1) begin
          ox <= ox == OUT_WIDTH - 1 ? 0 : ox + 1;
        end
      end
      if (!filling) row_step <= row_step == STEPS - 1 ? 0 : row_step + 1;
      if (!filling && row_step == STEPS - 1) row <= row + 1;
      if (image_ends) begin
        loaded <= 0;
        write_at <= 0;
        row <= 0;
        image <= image + 1;
      end
    end
  end

  loop_pipeline #(.WIDTH(BITS), .LATENCY(LATENCY)) pipeline (
      .clk(aclk), .resetn(aresetn), .stalling, .head,
      .finished(finished || (draining && pending)), .writes,
      .value(cells[(row*STRIDE+ky)%ROWS*ROW_WORDS+(ox*STRIDE+kx)*WORDS+word]),
      .accepts, .pending, .tvalid(m_valid), .tready(m_ready), .tdata(m_data));
endmodule
