"""gan2hls.verify"""
