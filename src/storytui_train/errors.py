"""What can go wrong in building data and training: one small family of errors."""


class TrainError(Exception):
    """Something that could not be done; the message says what, to what, and what to do."""


class RecipeError(TrainError):
    """A recipe, or an option of a command, that cannot be followed."""


class SourceError(TrainError):
    """A source (a book, a file, a folder, an address) that cannot be used; others can go on."""


class UnreachableError(SourceError):
    """A server that cannot be reached or does not answer; it need not be asked for more."""


class TeacherError(TrainError):
    """A teacher that does not answer, or not as it has to."""


class BaseModelError(TrainError):
    """A base model that is not there, or cannot be trained."""


class AdapterError(TrainError):
    """An adapter that cannot be used: damaged, of another form, or for another base."""


class GgufError(TrainError):
    """An adapter or a model that no GGUF file can be made of, or that one cannot be read from."""


class PublishError(TrainError):
    """Something that is not published: it may not be, it is not there, or the Hub refuses."""


class EvaluateError(TrainError):
    """A model that cannot be measured, or measures that cannot be kept."""
