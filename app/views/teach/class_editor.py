"""The controls with which a visitor names classes and gives them photos: files, a folder, a zip, or the camera."""

import html
from collections.abc import Sequence

import streamlit as st
from shared import address, markup

from views.teach import archives, class_photos
from views.teach.class_photos import MOST_CLASSES, MOST_PHOTOS, ClassPhotos
from xnorlab.images import SUFFIXES
from xnorlab.teach import MIN_PHOTOS
from xnorlab.teach.lesson import MAX_LABEL

SOURCES = {"files": "Files", "folder": "A folder", "zip": "A zip", "camera": "Camera"}
MOST_MEGABYTES = 50  # of one photo
MOST_ZIP_MEGABYTES = 200
MOST_REASONS = 6
THUMBNAILS = 12  # on show for one class


def show() -> list[ClassPhotos]:
    """Draw the controls and return the classes; where photos come in, read them and start the page again."""
    source = address.segments("Bring photos from", SOURCES, key="collect", default="files")
    address.publish(collect=source)
    if source == "folder":
        _folder()
    elif source == "zip":
        _zip()
    elif source == "camera":
        _camera()
    _say_what_was_left_out()
    classes = class_photos.classes()
    for left, right in zip(classes[::2], [*classes[1::2], None], strict=False):
        for column, one in zip(st.columns(2), (left, right), strict=True):
            if one is not None:
                with column.container(border=True):
                    _class(one, with_uploader=source == "files", removable=len(classes) > class_photos.FEWEST_CLASSES)
    with st.container(horizontal=True):
        full = len(classes) >= MOST_CLASSES
        st.button(
            "Add a class",
            key="add-class",
            icon=":material/add:",
            on_click=class_photos.add_empty,
            disabled=full,
            help=f"{class_photos.FEWEST_CLASSES} to {MOST_CLASSES} classes, {MIN_PHOTOS} to {MOST_PHOTOS} photos each.",
        )
        if any(one.photos for one in classes):
            st.button("Forget all", key="forget-classes", icon=":material/delete:", on_click=class_photos.forget)
    return class_photos.classes()


def thumbnails(one: ClassPhotos) -> str:
    """The HTML of a class's first photos in small, and of how many there are."""
    shown = list(one.photos.values())[:THUMBNAILS]
    pictures = "".join(f"<img src='{photo.thumbnail}' alt='{html.escape(photo.title)}'>" for photo in shown)
    count = len(one.photos)
    more = f", the first {THUMBNAILS} on show" if count > THUMBNAILS else ""
    words = f"{count} photo{'' if count == 1 else 's'}{more}"
    return f"<div class='xl-strip'>{pictures}</div><div class='xl-dim'>{words}</div>"


def _class(one: ClassPhotos, *, with_uploader: bool, removable: bool) -> None:
    ordinal = class_photos.classes().index(one) + 1
    key = class_photos.name_key(one)
    if key not in st.session_state:
        st.session_state[key] = one.name
    one.name = st.text_input(
        f"Name of class {ordinal}", key=key, max_chars=MAX_LABEL, placeholder="such as my cat", persist_state="session"
    ).strip()
    if with_uploader:
        files = st.file_uploader(
            f"Photos of class {ordinal}",
            accept_multiple_files=True,
            max_upload_size=MOST_MEGABYTES,
            key=f"class-files-{one.number}-{class_photos.uploader_key()}",
            help="JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF, HEIC. They stay on this machine, in your session's memory.",
        )
        if files:
            class_photos.take((one.number, file.name, file.getvalue()) for file in files)
            st.rerun()
    if one.photos:
        st.html(thumbnails(one))
    if removable:
        st.button(
            f"Remove class {ordinal}",
            key=f"remove-class-{one.number}",
            icon=":material/close:",
            on_click=class_photos.remove,
            args=(one.number,),
        )


def _folder() -> None:
    files = st.file_uploader(
        "A folder with one folder of photos per class, which names it",
        accept_multiple_files="directory",
        max_upload_size=MOST_MEGABYTES,
        type=sorted(SUFFIXES),
        key=f"class-folder-{class_photos.uploader_key()}",
    )
    if files:
        class_photos.take(*archives.by_folder([(file.name, file.getvalue()) for file in files]))
        st.rerun()


def _zip() -> None:
    file = st.file_uploader(
        "A zip with one folder of photos per class, which names it",
        max_upload_size=MOST_ZIP_MEGABYTES,
        type=["zip"],
        key=f"class-zip-{class_photos.uploader_key()}",
    )
    if file is not None:
        class_photos.take(*archives.from_zip(file, file.name))
        st.rerun()


def _camera() -> None:
    classes = class_photos.classes()
    numbers = [one.number for one in classes]
    number = st.selectbox(
        "A shot shows",
        numbers,
        key="camera-class",
        format_func=lambda n: classes[numbers.index(n)].name or f"class {numbers.index(n) + 1}",
    )
    shot = st.camera_input("Take a photo", key=f"class-camera-{class_photos.uploader_key()}")
    if shot is not None:
        shots = 1 + sum(len(one.photos) for one in classes)
        class_photos.take([(number, f"shot {shots}", shot.getvalue())])
        st.rerun()


def _say_what_was_left_out() -> None:
    sentences: Sequence[str] = class_photos.refused()
    for sentence in sentences[:MOST_REASONS]:
        st.error(markup.plain(sentence), icon=":material/broken_image:")
    if len(sentences) > MOST_REASONS:
        st.error(f"{len(sentences) - MOST_REASONS} more were left out.", icon=":material/broken_image:")
