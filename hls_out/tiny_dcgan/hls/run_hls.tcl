# run_hls.tcl - C simulation, synthesis and IP export of tiny_dcgan
#
#   vitis_hls -f run_hls.tcl
#   vitis-run --mode hls --tcl run_hls.tcl
#
# Steps are chosen by environment variables: GAN2HLS_TOP=tiny_dcgan_core for the top without TLAST, GAN2HLS_COSIM=1 to simulate
# the RTL too (minutes to hours), GAN2HLS_EXPORT=0 to stop after synthesis.
proc setting {name default} {
    if {[info exists ::env($name)]} { return $::env($name) }
    return $default
}

set here [file normalize [file dirname [info script]]]
set vectors [file normalize $here/../testbench/vectors]
set top [setting GAN2HLS_TOP tiny_dcgan]

open_project -reset $here/tiny_dcgan_hls
set_top $top
add_files $here/tiny_dcgan.cpp -cflags "-std=c++14 -I$here"
add_files -tb $here/tiny_dcgan_tb.cpp -cflags "-std=c++14 -I$here"
open_solution -reset solution -flow_target vivado
set_part xc7z020clg400-1
create_clock -period 5 -name default

csim_design -argv $vectors
csynth_design
if {[setting GAN2HLS_COSIM 0]} {
    cosim_design -argv $vectors
}
if {[setting GAN2HLS_EXPORT 1]} {
    export_design -format ip_catalog -ipname $top -vendor gan2hls -version 1.0
}
exit
