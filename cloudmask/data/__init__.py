"""The data of CloudMask: scenes (made, listed or downloaded), the patches cut from them, and the store of patches.

May import only the top-level modules of `cloudmask`, never `model`, `scoring` or `figures`. Begin with
`scenes` and `store`.
"""
