"""The exceptions and warnings of the package."""


class SkautonasError(Exception):
    """Base of the errors that only this package raises."""


class SearchFailedError(SkautonasError, ValueError):
    """No trial could be trained; the message quotes the first distinct errors."""


class SkautonasWarning(UserWarning):
    """Something that the user can act on."""
