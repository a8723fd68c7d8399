from skautonas.data.facts import *  # noqa
from skautonas.data.facts import Facts, ImageFacts, TabularFacts, Task, TensorSpec, TextFacts  # noqa
