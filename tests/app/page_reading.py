"""What a page shows, read from an AppTest."""

import json


def html_of(at) -> str:
    """Everything that the page shows through st.html."""
    return "\n".join(element.proto.body for element in at.html)


def chart_of(at, index: int = 0) -> dict:
    """The plotly specification of the page's chart number `index`."""
    return json.loads(at.get("plotly_chart")[index].proto.spec)
