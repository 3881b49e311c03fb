# vivado.tcl - out-of-context synthesis of tiny_dcgan, and its IP for the block design
#
#   vivado -mode batch -source vivado.tcl
#
# Makes the folder vivado/: utilization.rpt, timing.rpt, tiny_dcgan.dcp, and ip/ with the packaged IP.  Steps are chosen by
# environment variables: GAN2HLS_ROUTE=1 to place and route too, GAN2HLS_PACKAGE=0 for no IP.
proc setting {name default} {
    if {[info exists ::env($name)]} { return $::env($name) }
    return $default
}

proc write_file {path text} {
    set file [open $path w]
    puts -nonewline $file $text
    close $file
}

proc read_file {path} {
    set file [open $path]
    set text [read $file]
    close $file
    return $text
}

cd [file dirname [file normalize [info script]]]
file delete -force vivado
file mkdir vivado/src

# Memory images are found by their names alone once they are part of a project, wherever that stands.
set sources {}
foreach path [split [string trim [read_file tiny_dcgan.f]] "\n"] {
    set copy vivado/src/[file tail $path]
    write_file $copy [string map [list "\"mem/" "\""] [read_file $path]]
    lappend sources $copy
}
set memories [lsort [glob -nocomplain mem/*.mem]]
write_file vivado/src/clock.xdc "create_clock -period 5 -name clk_i \[get_ports clk_i\]\n"

create_project -force tiny_dcgan vivado/project -part xc7z020clg400-1
add_files -norecurse $sources
if {[llength $memories]} { add_files -norecurse $memories }
add_files -fileset constrs_1 -norecurse vivado/src/clock.xdc
set_property USED_IN {synthesis implementation out_of_context} [get_files clock.xdc]
set_property top tiny_dcgan [current_fileset]
update_compile_order -fileset sources_1

synth_design -top tiny_dcgan -part xc7z020clg400-1 -mode out_of_context
if {[setting GAN2HLS_ROUTE 0]} {
    opt_design
    place_design
    phys_opt_design
    route_design
}
report_utilization -hierarchical -file vivado/utilization.rpt
report_timing_summary -file vivado/timing.rpt
write_checkpoint -force vivado/tiny_dcgan.dcp

if {[setting GAN2HLS_PACKAGE 1]} {
    ipx::package_project -root_dir vivado/ip -vendor gan2hls -library gan -taxonomy /UserIP -import_files -force
    set core [ipx::current_core]
    set_property name tiny_dcgan $core
    set_property version 1.0 $core
    set_property display_name tiny_dcgan $core
    set_property description "GAN generator, AXI4-Stream in and out" $core
    # Both streams are AXI4-Stream by the names of their ports; they belong to the one clock, whose reset is active low.
    foreach stream {s_axis m_axis} {
        if {![llength [ipx::get_bus_interfaces $stream -of_objects $core]]} {
            ipx::infer_bus_interface ${stream}_tdata xilinx.com:interface:axis_rtl:1.0 $core
        }
    }
    ipx::infer_bus_interface clk_i xilinx.com:signal:clock_rtl:1.0 $core
    ipx::infer_bus_interface rst_ni xilinx.com:signal:reset_rtl:1.0 $core
    set reset [ipx::get_bus_interfaces rst_ni -of_objects $core]
    ipx::add_bus_parameter POLARITY $reset
    set_property value ACTIVE_LOW [ipx::get_bus_parameters POLARITY -of_objects $reset]
    ipx::associate_bus_interfaces -busif s_axis -clock clk_i $core
    ipx::associate_bus_interfaces -busif m_axis -clock clk_i $core
    ipx::associate_bus_interfaces -clock clk_i -reset rst_ni $core
    ipx::create_xgui_files $core
    ipx::update_checksums $core
    ipx::check_integrity $core
    ipx::save_core $core
}
close_project
