"""The controls with which a visitor brings photos of their own: files, a folder, or the camera."""

import streamlit as st
from shared import address, markup, photo_files, photos

from xnorlab import units
from xnorlab.images import SUFFIXES

SOURCES = {"files": "Files", "folder": "A folder", "camera": "Camera"}
WORDS = {
    "files": "As many photos or zip archives as you like",
    "folder": "All photos in a folder, its folders included",
}
MOST_REASONS = 6  # reasons on show for files that could not be used


def show() -> None:
    """Draw the controls; where a photo comes in, read it and start the page again."""
    source = address.segments("Your own photos", SOURCES, key="bring", default="files")
    address.publish(bring=source)
    progress = st.empty()
    if source == "camera":
        shot = st.camera_input("Take a photo", key=f"camera-{photos.uploader_key()}", label_visibility="collapsed")
        files = [] if shot is None else [shot]
    else:
        files = st.file_uploader(
            f"{WORDS[source]}, each of at most {photo_files.MOST_MEGABYTES} MB",
            accept_multiple_files="directory" if source == "folder" else True,
            max_upload_size=photo_files.MOST_MEGABYTES,
            type=sorted(SUFFIXES) if source == "folder" else None,
            key=f"{source}-{photos.uploader_key()}",
            help="JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF, HEIC, and zip archives of them. They stay on this machine, in "
            "the memory of your session. A photo in a folder that is named after one of the classes has that label.",
        )
    if files:
        photos.take(files, progress)
        st.rerun()
    _say_what_became_of_them()
    if photos.kept():
        st.button("Forget my photos", on_click=photos.forget, key="forget", icon=":material/delete:")


def _say_what_became_of_them() -> None:
    """Name the files of the last upload that could not be used, and how many older photos it pushed out."""
    reasons = photos.refused()
    for reason in reasons[:MOST_REASONS]:
        st.error(markup.plain(reason), icon=":material/broken_image:")
    if len(reasons) > MOST_REASONS:
        st.error(f"{len(reasons) - MOST_REASONS} more files could not be used.", icon=":material/broken_image:")
    if photos.dropped():
        st.warning(
            f"The oldest {photos.dropped()} photos were dropped: yours may take "
            f"{units.memory(photos.MAX_BYTES)} of memory.",
            icon=":material/auto_delete:",
        )
