// A convolution between two streams, as models/dataflow/chain builds it: sliding window, FIFO, MVTU.
module convolution_layer #(
    parameter int SIZE = 6,  // of the image, which is square
    parameter int KERNEL = 3,
    parameter int CHANNELS = 8,
    parameter int SIMD = 4,
    parameter int PE = 2,
    parameter int MH = 4,
    parameter int ACCUMULATOR_BITS = 7,
    parameter int THRESHOLD_BITS = 8,
    parameter int DEPTH = 2,
    localparam int IN_WIDTH = (SIMD + 7) / 8 * 8,
    localparam int OUT_WIDTH = (PE + 7) / 8 * 8
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
    input logic [IN_WIDTH-1:0] s_axis_tdata,
    input logic s_axis_tvalid,
    output logic s_axis_tready,
    output logic [OUT_WIDTH-1:0] m_axis_tdata,
    output logic m_axis_tlast,
    output logic m_axis_tvalid,
    input logic m_axis_tready
);
  localparam int PIXELS = (SIZE - KERNEL + 1) * (SIZE - KERNEL + 1);  // of the output
  logic [SIMD-1:0] window, columns;
  logic window_valid, window_ready, columns_valid, columns_ready;

  sliding_window #(
      .BITS(SIMD), .KERNEL(KERNEL), .HEIGHT(SIZE), .WIDTH(SIZE), .WORDS(CHANNELS / SIMD)
  ) windows (
      .aclk, .aresetn, .stalling, .images, .s_data(s_axis_tdata[SIMD-1:0]),
      .s_valid(s_axis_tvalid), .s_ready(s_axis_tready), .m_data(window), .m_valid(window_valid),
      .m_ready(window_ready));

  stream_fifo #(.WIDTH(SIMD), .DEPTH(DEPTH)) fifo (
      .aclk, .aresetn, .s_data(window), .s_valid(window_valid), .s_ready(window_ready),
      .m_data(columns), .m_valid(columns_valid), .m_ready(columns_ready));

  mvtu #(
      .PE(PE), .SIMD(SIMD), .MW(KERNEL * KERNEL * CHANNELS), .MH(MH),
      .ACCUMULATOR_BITS(ACCUMULATOR_BITS), .THRESHOLD_BITS(THRESHOLD_BITS),
      .WINDOWS_PER_PACKET(PIXELS)
  ) array (
      .aclk, .aresetn, .stalling, .windows(images * PIXELS),
      .fault_kind, .fault_pe, .fault_address, .fault_index, .fault_one,
      .s_axis_tdata(IN_WIDTH'(columns)), .s_axis_tvalid(columns_valid),
      .s_axis_tready(columns_ready), .m_axis_tdata, .m_axis_tlast, .m_axis_tvalid, .m_axis_tready);
endmodule
