"""The list of pages and what every run of one of them needs: `streamlit run app` starts here."""

from contextlib import suppress
from pathlib import Path

# Tables need pandas, and plotly looks for it in sys.modules, where it fails if another visitor's run has imported only
# half of it yet. Imported here first, every run waits until it is whole.
import pandas  # noqa: F401
import streamlit as st
from shared import address, continuity, history, theme, warm_up

HERE = Path(__file__).parent

st.set_page_config(page_title="xnorlab", page_icon=str(HERE / "icon.png"), layout="wide")

PAGES = {
    "": [st.Page("views/start/page.py", title="Start", icon=":material/home:", url_path="start", default=True)],
    "See": [
        st.Page("views/classify/page.py", title="Classify", icon=":material/photo_camera:", url_path="classify"),
        st.Page("views/inside/page.py", title="Inside", icon=":material/conversion_path:", url_path="inside"),
        st.Page("views/filters/page.py", title="Binarize a filter", icon=":material/grid_on:", url_path="filters"),
        st.Page(
            "views/scaling_factors/page.py", title="Scaling factors", icon=":material/tune:", url_path="scaling-factors"
        ),
        st.Page(
            "views/xnor_steps/page.py",
            title="XNOR step by step",
            icon=":material/exposure_plus_1:",
            url_path="xnor-steps",
        ),
    ],
    "Learn": [
        st.Page(
            "views/how_it_learns/page.py", title="How it learns", icon=":material/school:", url_path="how-it-learns"
        ),
        st.Page("views/teach/page.py", title="Teach it", icon=":material/co_present:", url_path="teach"),
    ],
    "Compare": [
        st.Page("views/trade_offs/page.py", title="Trade-offs", icon=":material/balance:", url_path="trade-offs"),
        st.Page("views/claims/page.py", title="The paper's claims", icon=":material/gavel:", url_path="claims"),
    ],
    "Time": [
        st.Page("views/speed_lab/page.py", title="Speed lab", icon=":material/speed:", url_path="speed-lab"),
        st.Page(
            "views/network_timing/page.py", title="Network timing", icon=":material/layers:", url_path="network-timing"
        ),
    ],
    "More": [st.Page("views/method/page.py", title="Method", icon=":material/function:", url_path="method")],
}

page = st.navigation(PAGES)
theme.style_sheet()
history.begin(page.url_path)
with suppress(address.EndOfPage):
    page.run()
history.write()
continuity.keep()
theme.follow()
warm_up.warm()
