// Sliding-window unit that reads and writes decoupled, with the mechanisms of FINN's in RTL: words
// are taken into a ring while words of windows are fetched from it, through a register that drives
// the stream. A word may take the place of one that neither the next fetch nor the next window
// needs. Images do not overlap; the ring goes on from image to image. The shape is constant from
// before the reset ends, its ring no longer than RING.
module decoupled_window #(
    parameter int BITS = 8,
    parameter int RING = 256,
    localparam int STREAM_WIDTH = (BITS + 7) / 8 * 8
) (
    input logic aclk,
    input logic aresetn,
    input logic stalling,  // nothing here stalls
    input logic [15:0] kernel,
    input logic [15:0] stride,
    input logic [15:0] height,
    input logic [15:0] width,
    input logic [15:0] words,  // of a pixel
    input logic by_channels,  // a window of one word of channels after the other
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
  int K, S, WORDS, OUT_HEIGHT, OUT_WIDTH, ROW, LAST, SIZE, WINDOW, DEPTH;
  assign K = int'(kernel);
  assign S = int'(stride);
  assign WORDS = int'(words);
  assign OUT_HEIGHT = (int'(height) - K) / S + 1;
  assign OUT_WIDTH = (int'(width) - K) / S + 1;
  assign ROW = int'(width) * WORDS;
  assign LAST = int'(height) * ROW - 1;
  assign SIZE = K * K;
  assign WINDOW = (K - 1) * ROW + K * WORDS;  // from its first to its last word
  assign DEPTH = WINDOW + (S - 1 > SIZE ? (S - 1 - SIZE) * WORDS : 0) +
                 ((S - 1) * int'(width) > SIZE ? ((S - 1) * int'(width) - SIZE) * WORDS : 0);

  logic [BITS-1:0] ring[RING];
  logic [BITS-1:0] fetched;
  logic valid, last;
  int newest;              // word of the image that was taken last, -1: none
  int take_slot, image_slot;  // of the next word; of the first word of the image
  int oy, ox, ky, kx, word;   // of the next fetch
  int next_first;             // first word of the window behind that of the last fetch
  logic all_fetched, all_written;

  int current, first, following, slot;
  logic takes, fetches, writes, last_fetch, last_take, image_ends;
  logic last_word, last_kx, last_ky, last_ox, ends_window;
  logic [BITS-1:0] read;

  assign last_word = word == WORDS - 1;
  assign last_kx = kx == K - 1;
  assign last_ky = ky == K - 1;
  assign last_ox = ox == OUT_WIDTH - 1;
  assign ends_window = last_kx && last_ky && (by_channels || last_word);
  assign first = oy * S * ROW + ox * S * WORDS;
  assign current = first + ky * ROW + kx * WORDS + word;
  assign last_fetch = ends_window && last_word && last_ox && oy == OUT_HEIGHT - 1;
  // The first word of the next window; behind the last one: the last word of that.
  assign following = by_channels && !last_word ? first + word + 1
                   : !last_ox ? first + S * WORDS
                   : oy < OUT_HEIGHT - 1 ? (oy + 1) * S * ROW
                   : first + (by_channels ? word : 0) + WINDOW - 1;
  assign s_axis_tready = aresetn && newest != LAST &&
      (all_fetched || (newest - (DEPTH - 1) < next_first && newest - (DEPTH - 1) < current));
  assign takes = s_axis_tready && s_axis_tvalid;
  assign last_take = takes && newest == LAST - 1;
  assign writes = valid && m_axis_tready;
  assign fetches = aresetn && !all_fetched && current <= newest && (!valid || m_axis_tready);
  assign image_ends = (last_take && all_written) ||
                      (writes && all_fetched && (newest == LAST || last_take));
  assign slot = (image_slot + current) % DEPTH;
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
        take_slot <= take_slot == DEPTH - 1 ? 0 : take_slot + 1;
        newest <= newest + 1;
      end
      if (fetches) begin
        fetched <= read;
        last <= last_fetch;
        next_first <= following;
        all_fetched <= last_fetch;
        // Of a window the words of a pixel come first; by channels the windows of a pixel.
        if (by_channels ? ends_window : 1'b1) word <= last_word ? 0 : word + 1;
        if (by_channels || last_word) begin
          kx <= last_kx ? 0 : kx + 1;
          if (last_kx) ky <= last_ky ? 0 : ky + 1;
        end
        if (ends_window && last_word) begin
          ox <= last_ox ? 0 : ox + 1;
          if (last_ox) oy <= oy == OUT_HEIGHT - 1 ? 0 : oy + 1;
        end
      end
      if (fetches || m_axis_tready) valid <= fetches;
      if (writes && all_fetched) all_written <= 1;
      if (image_ends) begin
        newest <= -1;
        next_first <= 0;
        all_fetched <= 0;
        all_written <= 0;
        image_slot <= (image_slot + LAST + 1) % DEPTH;
      end
    end
  end

  assign m_axis_tvalid = valid;
  assign m_axis_tlast = last;
  assign m_axis_tdata = STREAM_WIDTH'(fetched);
endmodule
