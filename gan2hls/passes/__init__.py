"""gan2hls.passes"""
