// A stand-in for what bambu makes: one frame of six beats for each pulse of start_port, adds 1 to each byte.
module stand_in_core (clock, reset, start_port, in_TDATA, in_TVALID, out_TREADY, done_port, in_TREADY, out_TDATA, out_TVALID);
  // IN
  input clock;
  input reset;
  input start_port;
  input [31:0] in_TDATA;
  input in_TVALID, out_TREADY;
  // OUT
  output reg done_port;
  output in_TREADY;
  output reg [31:0] out_TDATA;
  output reg out_TVALID;

  reg [2:0] taken, given;
  reg running;
  reg [7:0] increment [0:0];
  initial $readmemh("increment.mem", increment);

  assign in_TREADY = running && taken != 6 && (!out_TVALID || out_TREADY);
  wire done = running && taken == 6 && given == 5 && out_TVALID && out_TREADY;

  always @(posedge clock)
    if (!reset) begin
      running <= 0;
      taken <= 0;
      given <= 0;
      out_TVALID <= 0;
      done_port <= 0;
    end else begin
      done_port <= done;
      if (start_port && !running) running <= 1;
      if (in_TVALID && in_TREADY) begin
        taken <= taken + 1;
        out_TDATA[7:0] <= in_TDATA[7:0] + increment[0];
        out_TDATA[15:8] <= in_TDATA[15:8] + increment[0];
        out_TDATA[23:16] <= in_TDATA[23:16] + increment[0];
        out_TDATA[31:24] <= in_TDATA[31:24] + increment[0];
        out_TVALID <= 1;
      end else if (out_TREADY) out_TVALID <= 0;
      if (out_TVALID && out_TREADY) given <= given + 1;
      if (done) begin
        running <= 0;
        taken <= 0;
        given <= 0;
      end
    end
endmodule
