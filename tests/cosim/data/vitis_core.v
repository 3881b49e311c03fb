// A stand-in for what Vitis HLS makes of a top with ap_axiu ports and no block control: adds 1 to each byte.
module stand_in (
        ap_clk,
        ap_rst_n,
        s_axis_TDATA,
        s_axis_TVALID,
        s_axis_TREADY,
        s_axis_TKEEP,
        s_axis_TSTRB,
        s_axis_TLAST,
        m_axis_TDATA,
        m_axis_TVALID,
        m_axis_TREADY,
        m_axis_TKEEP,
        m_axis_TSTRB,
        m_axis_TLAST
);

input   ap_clk;
input   ap_rst_n;
input  [31:0] s_axis_TDATA;
input   s_axis_TVALID;
output   s_axis_TREADY;
input  [3:0] s_axis_TKEEP;
input  [3:0] s_axis_TSTRB;
input  [0:0] s_axis_TLAST;
output  [31:0] m_axis_TDATA;
output   m_axis_TVALID;
input   m_axis_TREADY;
output  [3:0] m_axis_TKEEP;
output  [3:0] m_axis_TSTRB;
output  [0:0] m_axis_TLAST;

reg [31:0] data;
reg valid;
reg [2:0] beat;
reg [7:0] increment [0:0];
initial $readmemh("./stand_in_increment.dat", increment);

assign s_axis_TREADY = !valid || m_axis_TREADY;
assign m_axis_TDATA = data;
assign m_axis_TVALID = valid;
assign m_axis_TKEEP = 4'hf;
assign m_axis_TSTRB = 4'hf;
assign m_axis_TLAST = beat == 5;

always @ (posedge ap_clk)
    if (!ap_rst_n) begin
        valid <= 0;
        beat <= 0;
    end else begin
        if (s_axis_TREADY) valid <= s_axis_TVALID;
        if (s_axis_TREADY && s_axis_TVALID && s_axis_TKEEP == 4'hf) begin
            data[7:0] <= s_axis_TDATA[7:0] + increment[0];
            data[15:8] <= s_axis_TDATA[15:8] + increment[0];
            data[23:16] <= s_axis_TDATA[23:16] + increment[0];
            data[31:24] <= s_axis_TDATA[31:24] + increment[0];
        end
        if (valid && m_axis_TREADY) beat <= beat == 5 ? 0 : beat + 1;
    end
endmodule
