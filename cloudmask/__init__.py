"""CloudMask: cloud segmentation of Sentinel-3 SLSTR scenes with a U-Net, after MLCommons Science.

Run it as ``python -m cloudmask VERB --config config.yaml``; outputs go to the current folder.
"""

__version__ = "0.1.0"
