"""A shipped network learns new classes from a few photos: its features, a classifier on top, one packed file.

    from xnorlab import pretrained, teach
    lesson = teach.Lesson.from_classes({"cat": {"1.jpg": pixels, …}, "dog": {…}})
    taught = teach.teach(pretrained.load("imagenette/resnet18-reactnet"), lesson)
    taught.cross_validation.accuracy   # on photos that the classifier had not seen
    taught.network.save("mine.safetensors")

Only `teach` itself needs scikit-learn (`pip install "xnorlab[teach]"`). The file runs on the base install.
"""

from xnorlab.teach.cross_validation import CrossValidation
from xnorlab.teach.lesson import MAX_CLASSES, MIN_PHOTOS, Lesson, LessonError, small_square
from xnorlab.teach.taught import Taught, both_views, default_source, how_to_run, taught_from, teach

__all__ = [
    "MAX_CLASSES",
    "MIN_PHOTOS",
    "CrossValidation",
    "Lesson",
    "LessonError",
    "Taught",
    "both_views",
    "default_source",
    "how_to_run",
    "small_square",
    "taught_from",
    "teach",
]
