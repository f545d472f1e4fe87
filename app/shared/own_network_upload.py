"""The control with which a visitor brings a packed network of their own, or takes it away again."""

import streamlit as st

from shared import markup, own_networks

_GENERATION = "own networks: uploader generation"
_CHOSEN = "own networks: what the next run chooses"
_REFUSED = "own networks: why the last file was refused"
_DROPPED = "own networks: what the last file pushed out"


def show(key: str) -> None:
    """Draw the control; where a network comes in, start the page again with that network chosen.

    To be called before the control that chooses a network.

    Args:
        key: Of that control.
    """
    if (chosen := st.session_state.pop(_CHOSEN, None)) is not None:
        # Not where the file is read: what the browser says meanwhile of the control would count as the newer choice.
        st.session_state[key] = chosen
    number = st.session_state.get(_GENERATION, 0)
    with st.popover("A network of your own", icon=":material/upload_file:", key="own-network"):
        file = st.file_uploader(
            f"A packed network of at most {own_networks.MOST_MEGABYTES} MB",
            type=["safetensors"],
            max_upload_size=own_networks.MOST_MEGABYTES,
            key=f"own-network-{number}",  # a new one after each file, which frees the bytes of the old one
        )
        st.caption(
            "A file that `xnorlab pack`, `xnorlab teach` or the page Teach it has written. It is checked, stays in the "
            f"memory of your session and joins the networks of this page; at most {own_networks.MOST_KEPT} at once."
        )
        for own in own_networks.kept().values():
            st.button(
                f"Remove {own.title}",
                key=f"remove-{own.key}",
                icon=":material/delete:",
                on_click=own_networks.forget,
                args=(own.key,),
            )
    if file is not None:
        with st.spinner("Checking the network, and compiling its kernels…"):
            _take(file.name, file.getvalue())
        st.session_state[_GENERATION] = number + 1
        st.rerun()
    if refused := st.session_state.get(_REFUSED):
        st.error(markup.plain(refused), icon=":material/block:")
    if dropped := st.session_state.get(_DROPPED):
        st.warning(
            f"Dropped to make room: {markup.plain(', '.join(dropped))}. Yours are {own_networks.MOST_KEPT} at most, "
            "and their memory is limited.",
            icon=":material/auto_delete:",
        )


def _take(name: str, data: bytes) -> None:
    """Keep the network of a file for the next run to choose, or note why it is refused."""
    st.session_state[_REFUSED], st.session_state[_DROPPED] = None, None
    try:
        st.session_state[_CHOSEN], st.session_state[_DROPPED] = own_networks.keep(name, data)
    except ValueError as error:
        st.session_state[_REFUSED] = str(error)
