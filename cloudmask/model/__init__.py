"""The network: its layers, its training on the store's patches, and its inference on whole scenes.

May import `data` and the top-level modules, never `scoring`. Begin with `trainer`, which calls `keras.Model.fit`.
"""
