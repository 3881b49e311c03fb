"""gan2hls.layers"""
