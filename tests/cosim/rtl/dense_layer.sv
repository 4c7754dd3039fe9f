// A dense layer between two streams, as models/dataflow/chain builds it: width converter, FIFO, MVTU,
// FIFO, width converter.
module dense_layer #(
    parameter int IN_BITS = 16,
    parameter int OUT_BITS = 8,
    parameter int SIMD = 4,
    parameter int PE = 2,
    parameter int MW = 32,
    parameter int MH = 16,
    parameter int ACCUMULATOR_BITS = 6,
    parameter int THRESHOLD_BITS = 7,
    parameter int DEPTH = 2
) (
    input logic aclk,
    input logic aresetn,
    input logic stalling,
    input logic [31:0] images,
    input logic [3:0] fault_kind,
    input logic [15:0] fault_pe,
    input logic [15:0] fault_address,
    input logic [15:0] fault_index,
    input logic fault_one,
    input logic [IN_BITS-1:0] s_axis_tdata,
    input logic s_axis_tvalid,
    output logic s_axis_tready,
    output logic [OUT_BITS-1:0] m_axis_tdata,
    output logic m_axis_tlast,
    output logic m_axis_tvalid,
    input logic m_axis_tready
);
  localparam int IN_WIDTH = (SIMD + 7) / 8 * 8;
  localparam int OUT_WIDTH = (PE + 7) / 8 * 8;
  logic [SIMD-1:0] narrow, columns;
  logic narrow_valid, narrow_ready, narrow_last, columns_valid, columns_ready;
  logic [OUT_WIDTH-1:0] rows;
  logic [PE-1:0] stored;
  logic rows_valid, rows_ready, rows_last, stored_valid, stored_ready;

  width_converter #(
      .IN_BITS(IN_BITS), .OUT_BITS(SIMD), .NARROW_WORDS_PER_PACKET(MW / SIMD)
  ) input_converter (
      .aclk, .aresetn, .stalling, .packets(images),
      .s_data(s_axis_tdata), .s_valid(s_axis_tvalid), .s_ready(s_axis_tready),
      .m_data(narrow), .m_last(narrow_last), .m_valid(narrow_valid), .m_ready(narrow_ready));

  stream_fifo #(.WIDTH(SIMD), .DEPTH(DEPTH)) columns_fifo (
      .aclk, .aresetn, .s_data(narrow), .s_valid(narrow_valid), .s_ready(narrow_ready),
      .m_data(columns), .m_valid(columns_valid), .m_ready(columns_ready));

  mvtu #(
      .PE(PE), .SIMD(SIMD), .MW(MW), .MH(MH),
      .ACCUMULATOR_BITS(ACCUMULATOR_BITS), .THRESHOLD_BITS(THRESHOLD_BITS)
  ) array (
      .aclk, .aresetn, .stalling, .windows(images),
      .fault_kind, .fault_pe, .fault_address, .fault_index, .fault_one,
      .s_axis_tdata(IN_WIDTH'(columns)), .s_axis_tvalid(columns_valid),
      .s_axis_tready(columns_ready), .m_axis_tdata(rows), .m_axis_tlast(rows_last),
      .m_axis_tvalid(rows_valid), .m_axis_tready(rows_ready));

  stream_fifo #(.WIDTH(PE), .DEPTH(DEPTH)) rows_fifo (
      .aclk, .aresetn, .s_data(rows[PE-1:0]), .s_valid(rows_valid), .s_ready(rows_ready),
      .m_data(stored), .m_valid(stored_valid), .m_ready(stored_ready));

  width_converter #(
      .IN_BITS(PE), .OUT_BITS(OUT_BITS), .NARROW_WORDS_PER_PACKET(MH / PE)
  ) output_converter (
      .aclk, .aresetn, .stalling, .packets(images),
      .s_data(stored), .s_valid(stored_valid), .s_ready(stored_ready),
      .m_data(m_axis_tdata), .m_last(m_axis_tlast), .m_valid(m_axis_tvalid),
      .m_ready(m_axis_tready));
endmodule
