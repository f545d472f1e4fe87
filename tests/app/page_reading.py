"""What a page shows, read from an AppTest."""

import base64
import json

import numpy as np


def html_of(at) -> str:
    """Everything that the page shows through st.html."""
    return "\n".join(element.proto.body for element in at.html)


def chart_of(at, index: int = 0) -> dict:
    """The plotly specification of the page's chart number `index`."""
    return json.loads(at.get("plotly_chart")[index].proto.spec)


def array_of(values) -> np.ndarray:
    """Numbers of a specification as plotly sends them: a list, or bytes with their type and, if not flat, shape."""
    if isinstance(values, list):
        return np.array(values)
    flat = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return flat.reshape([int(n) for n in values["shape"].split(",")]) if "shape" in values else flat


def data_of(at, key: str) -> dict:
    """What the page hands to its own component `key`."""
    (component,) = [c for c in at.get("bidi_component") if c.proto.id.endswith(f"-{key}")]
    return json.loads(component.proto.json)
