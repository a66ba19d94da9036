"""Short names of experiments: how people read and write which experiment of a study they mean.

A short name has the axes that vary within the study, in the study's order, and the repeat if there are several:
``size=512 method=slices #2``. `ExperimentFinder` finds experiments by such a name in any spelling, as in
``method=slices,size=512``, by the axes that are enough, and by ids and keys.
"""

from fairmesh.short_names.finder import ExperimentFinder
from fairmesh.short_names.labels import ShortNames, value_label

__all__ = ["ExperimentFinder", "ShortNames", "value_label"]
