# run_hls.tcl - C simulation, synthesis and IP export of tiny_dcgan
#
#   vitis_hls -f run_hls.tcl
#   vitis-run --mode hls --tcl run_hls.tcl
#
# Steps are chosen by environment variables: GAN2HLS_TOP=tiny_dcgan_core for the top without TLAST, GAN2HLS_COSIM=1 to simulate
# the RTL too (minutes to hours), GAN2HLS_EXPORT=0 to stop after synthesis.
#
# All paths are relative to this folder or to that of a simulation, three levels below the project tiny_dcgan_hls: so the
# folder may stand anywhere, blanks in its path included.
proc setting {name default} {
    if {[info exists ::env($name)]} { return $::env($name) }
    return $default
}

set vectors ../../../../../testbench/vectors
set top [setting GAN2HLS_TOP tiny_dcgan]
# The test bench calls the top that is synthesized: C/RTL co-simulation finds no other.
switch -- $top {
    tiny_dcgan { set test_flags "-std=c++14" }
    tiny_dcgan_core { set test_flags "-std=c++14 -DGAN2HLS_TEST_CORE" }
    default { error "GAN2HLS_TOP must be tiny_dcgan or tiny_dcgan_core, not $top" }
}

cd [file dirname [file normalize [info script]]]
open_project -reset tiny_dcgan_hls
set_top $top
add_files tiny_dcgan.cpp -cflags "-std=c++14"
add_files -tb tiny_dcgan_tb.cpp -cflags $test_flags
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
