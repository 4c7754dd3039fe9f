// FIFO with registered flags: a word is visible, and a slot free, one cycle after the edge that
// wrote, or freed, it.
module stream_fifo #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 2
) (
    input logic aclk,
    input logic aresetn,
    input logic [WIDTH-1:0] s_data,
    input logic s_valid,
    output logic s_ready,
    output logic [WIDTH-1:0] m_data,
    output logic m_valid,
    input logic m_ready
);
  logic [WIDTH-1:0] slots[DEPTH];
  int count, in, out;

  assign s_ready = aresetn && count < DEPTH;
  assign m_valid = count > 0;
  assign m_data = slots[out];

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      count <= 0;
      in <= 0;
      out <= 0;
    end else begin
      if (s_valid && s_ready) begin
        slots[in] <= s_data;
        in <= in == DEPTH - 1 ? 0 : in + 1;
      end
      if (m_valid && m_ready) out <= out == DEPTH - 1 ? 0 : out + 1;
      count <= count + int'(s_valid && s_ready) - int'(m_valid && m_ready);
    end
  end
endmodule
