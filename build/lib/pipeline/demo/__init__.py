"""Demo data: procedural faces, real forgeries and a camera, for trying the software.

Figures measured on this data say nothing about real deepfakes.
"""
