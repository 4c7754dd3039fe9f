// Sliding-window unit that reads and writes decoupled, with the mechanisms of FINN's in RTL: words
// are taken into a ring of RING while words of windows are fetched from it, through a register that
// drives the stream. A word may take the place of one that neither the next fetch nor the next
// window needs. Images do not overlap; the ring goes on from image to image.
module decoupled_window #(
    parameter int BITS = 8,
    parameter int KERNEL = 3,
    parameter int STRIDE = 1,
    parameter int HEIGHT = 8,
    parameter int WIDTH = 8,
    parameter int WORDS = 1,  // of a pixel
    localparam int STREAM_WIDTH = (BITS + 7) / 8 * 8
) (
    input logic aclk,
    input logic aresetn,
    input logic stalling,  // nothing here stalls
    input logic [31:0] images,  // nothing here depends on how many there are
    // The stuck-at: kind 1 is the ring, at slot fault_address.
    input logic [3:0] fault_kind,
    input logic [15:0] fault_pe,
    input logic [15:0] fault_address,
    input logic [15:0] fault_index,
    input logic fault_one,
    input logic [STREAM_WIDTH-1:0] s_axis_tdata,
    input logic s_axis_tvalid,
    output logic s_axis_tready,
    output logic [STREAM_WIDTH-1:0] m_axis_tdata,
    output logic m_axis_tlast,
    output logic m_axis_tvalid,
    input logic m_axis_tready
);
  localparam int OUT_HEIGHT = (HEIGHT - KERNEL) / STRIDE + 1;
  localparam int OUT_WIDTH = (WIDTH - KERNEL) / STRIDE + 1;
  localparam int ROW = WIDTH * WORDS;
  localparam int LAST = HEIGHT * ROW - 1;
  localparam int SKIPPED_PIXELS = STRIDE - 1 - KERNEL * KERNEL;
  localparam int SKIPPED_ROWS = (STRIDE - 1) * WIDTH - KERNEL * KERNEL;
  localparam int WINDOW = (KERNEL - 1) * ROW + KERNEL * WORDS;  // from its first to its last word
  localparam int RING = WINDOW + (SKIPPED_PIXELS > 0 ? SKIPPED_PIXELS * WORDS : 0) +
                        (SKIPPED_ROWS > 0 ? SKIPPED_ROWS * WORDS : 0);

  logic [BITS-1:0] ring[RING];
  logic [BITS-1:0] fetched;
  logic valid, last;
  int newest;              // word of the image that was taken last, -1: none
  int take_slot, image_slot;  // of the next word; of the first word of the image
  int oy, ox, ky, kx, word;   // of the next fetch
  int next_first;             // first word of the window behind that of the last fetch
  logic all_fetched, all_written;

  int current, following, slot;
  logic takes, fetches, writes, last_fetch, last_take, image_ends;
  logic [BITS-1:0] read;

  assign current = (oy * STRIDE + ky) * ROW + (ox * STRIDE + kx) * WORDS + word;
  assign last_fetch = oy == OUT_HEIGHT - 1 && ox == OUT_WIDTH - 1 && ky == KERNEL - 1 &&
                      kx == KERNEL - 1 && word == WORDS - 1;
  // The first word of the next window; behind the last one: the last word of that.
  assign following = ox < OUT_WIDTH - 1 ? oy * STRIDE * ROW + (ox + 1) * STRIDE * WORDS
                   : oy < OUT_HEIGHT - 1 ? (oy + 1) * STRIDE * ROW
                   : oy * STRIDE * ROW + ox * STRIDE * WORDS + WINDOW - 1;
  assign s_axis_tready = aresetn && newest != LAST &&
      (all_fetched || (newest - (RING - 1) < next_first && newest - (RING - 1) < current));
  assign takes = s_axis_tready && s_axis_tvalid;
  assign last_take = takes && newest == LAST - 1;
  assign writes = valid && m_axis_tready;
  assign fetches = aresetn && !all_fetched && current <= newest && (!valid || m_axis_tready);
  assign image_ends = (last_take && all_written) ||
                      (writes && all_fetched && (newest == LAST || last_take));
  assign slot = (image_slot + current) % RING;
  always_comb begin
    read = ring[slot];
    for (int b = 0; b < BITS; b++) begin
      if (fault_kind == 1 && int'(fault_address) == slot && int'(fault_index) == b) read[b] = fault_one;
    end
  end

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      {valid, last, all_fetched, all_written} <= '0;
      newest <= -1;
      take_slot <= 0;
      image_slot <= 0;
      oy <= 0;
      ox <= 0;
      ky <= 0;
      kx <= 0;
      word <= 0;
      next_first <= 0;
    end else begin
      if (takes) begin
        ring[take_slot] <= s_axis_tdata[BITS-1:0];
        take_slot <= take_slot == RING - 1 ? 0 : take_slot + 1;
        newest <= newest + 1;
      end
      if (fetches) begin
        fetched <= read;
        last <= last_fetch;
        next_first <= following;
        all_fetched <= last_fetch;
        word <= word == WORDS - 1 ? 0 : word + 1;
        if (word == WORDS - 1) kx <= kx == KERNEL - 1 ? 0 : kx + 1;
        if (word == WORDS - 1 && kx == KERNEL - 1) ky <= ky == KERNEL - 1 ? 0 : ky + 1;
        if (word == WORDS - 1 && kx == KERNEL - 1 && ky == KERNEL - 1) begin
          ox <= ox == OUT_WIDTH - 1 ? 0 : ox + 1;
          if (ox == OUT_WIDTH - 1) oy <= oy == OUT_HEIGHT - 1 ? 0 : oy + 1;
        end
      end
      if (fetches || m_axis_tready) valid <= fetches;
      if (writes && all_fetched) all_written <= 1;
      if (image_ends) begin
        newest <= -1;
        next_first <= 0;
        all_fetched <= 0;
        all_written <= 0;
        image_slot <= (image_slot + LAST + 1) % RING;
      end
    end
  end

  assign m_axis_tvalid = valid;
  assign m_axis_tlast = last;
  assign m_axis_tdata = STREAM_WIDTH'(fetched);
endmodule
