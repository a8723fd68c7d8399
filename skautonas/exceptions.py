"""The exceptions and warnings of the package."""


class SkautonasError(Exception):
    """Base of the errors that only this package raises."""


class SearchFailedError(SkautonasError, ValueError):
    """No trial could be trained; the message quotes the first distinct errors."""


class NotFiniteError(SkautonasError, ArithmeticError):
    """The training loss became NaN or infinite."""


class NoTimeError(SkautonasError, TimeoutError):
    """The time was up before a first step."""


class NoWorkerError(SkautonasError, RuntimeError):
    """No worker could be found, or started, for a trial."""


class DamagedFileError(SkautonasError, OSError):
    """A file of a study is absent, or cannot be read."""


class StudyExistsError(SkautonasError, ValueError):
    """A directory holds another study, or one that another fit has open."""


class SkautonasWarning(UserWarning):
    """Something that the user can act on."""
