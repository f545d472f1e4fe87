"""Runs of the app without a browser: the real entry script, in this process, through Streamlit's AppTest."""

import functools
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from manifests import enter, shipped_network, stamped, use
from PIL import Image

from xnorlab.zoo import manifest
from xnorlab.zoo.recipe import Recipe

APP = Path(__file__).parents[2] / "app"
PATIENCE_S = 600  # a loaded machine may take this long to compile the kernels


@pytest.fixture(scope="session", autouse=True)
def _one_search_for_components():
    """Streamlit's search of every installed package for components, at each run of an AppTest: one is enough."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        search = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", search)
        yield


@pytest.fixture
def app_modules(request):
    """Makes the app's own modules importable, as `streamlit run app` does, without threads of its own.

    Networks stay loaded from test to test, but a test that changes something begins, and leaves the next, with none.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(APP)
        import streamlit as st
        from shared import network_times, warm_up

        def forget() -> None:
            if "monkeypatch" in request.fixturenames:
                st.cache_data.clear()
                st.cache_resource.clear()

        warm_up._started.set()
        patch.setattr(network_times, "_begin", lambda work: None)
        forget()
        yield
        forget()


_pages: dict = {}  # what st.navigation registered, learnt from the first run of all


@pytest.fixture
def open_page(app_modules) -> Callable:
    """open_page("views/classify/page.py", photo="cat") → that page at that address, as a visitor's first."""
    from streamlit.testing.v1 import AppTest

    def open_(page: str, **query: str) -> AppTest:
        if not _pages:
            _pages.update(
                AppTest.from_file(APP / "streamlit_app.py", default_timeout=PATIENCE_S).run()._registered_pages
            )
        at = AppTest.from_file(APP / "streamlit_app.py", default_timeout=PATIENCE_S)
        at._registered_pages = dict(_pages)
        at.session_state["address: the browser has the guard"] = True  # as from a browser's second run on
        at.switch_page(page)
        at.query_params = dict(query)
        return at.run()

    return open_


@pytest.fixture
def pretrained_copy(tmp_path, monkeypatch) -> Path:
    """A copy of the folder of shipped networks that a test may damage; xnorlab reads it instead."""
    from xnorlab import pretrained

    copy = tmp_path / "pretrained"
    shutil.copytree(pretrained.folder(), copy)
    use(monkeypatch, copy)
    return copy


@pytest.fixture
def ship_resnet(pretrained_copy) -> Callable[..., str]:
    """ship_resnet("xnor", **recipe) → the name of a narrow, untrained ResNet-18 among the networks of the copy.

    data, labels, stem: on which data set and classes, with which first layer. It has latent weights and a history of
    its epochs, validated after every so many; whatever ResNet-18 the repository ships is left out.
    """
    import torch
    from safetensors.torch import save_file

    from xnorlab import export, models
    from xnorlab.images.preprocessing import Preprocessing
    from xnorlab.nn import BinaryConv2d

    networks = {name: network for name, network in manifest.read(pretrained_copy).items() if "resnet18" not in name}

    def ship(
        scheme: str, *, data="imagenette", labels=("a", "b"), stem="imagenet", validated_every=1, epochs=2, **recipe
    ) -> str:
        torch.manual_seed(0)
        options = {"width": 8, "stem": stem}
        trained_by = Recipe(
            dataset=data, model="resnet18", scheme=scheme, model_options=options, epochs=epochs, **recipe
        )
        name = trained_by.name
        network = shipped_network(trained_by, images=100, labels=tuple(labels), history_file=f"{name}-history.json")
        model = models.resnet18(scheme, num_classes=len(labels), **options).eval()
        (pretrained_copy / data).mkdir(exist_ok=True)
        save_file(dict(model.state_dict()), pretrained_copy / network.latent_file)
        export.pack(
            model,
            torch.zeros(1, 3, 64, 64),
            name=name,
            labels=list(labels),
            preprocessing=Preprocessing(resize=72, crop=64),
            provenance={},
        ).save(pretrained_copy / network.file)
        binary = [path for path, m in model.named_modules() if isinstance(m, BinaryConv2d) and m.weight_binarizer]
        counts = {path: {"limit": 1.0, "counts": [1, 2, 2, 1]} for path in binary}
        curves, held_out = {"train_loss": 1.0, "train_top1": 0.5}, {"val_loss": 1.0, "val_top1": 0.5}
        records = [{"epoch": n, "flips": dict.fromkeys(binary, 0.1), **curves} for n in range(1, epochs + 1)]
        for record in records[validated_every - 1 :: validated_every]:
            record.update(held_out)
        history = {"epochs": records, "histograms": [{"epoch": 0, "layers": counts}] if binary else []}
        (pretrained_copy / f"{name}-history.json").write_text(json.dumps(history), "utf-8")
        networks[name] = stamped(pretrained_copy, network)
        enter(pretrained_copy, *networks.values())
        return name

    return ship


@pytest.fixture
def second_data_set(ship_resnet) -> str:
    """The family of two networks of another data set, float and XNOR: 200 classes, 64 pixels, a 3×3 stem.

    They were trained for 8 epochs, each fourth of which was validated.
    """
    for scheme in ("float", "xnor"):
        ship_resnet(
            scheme,
            data="tiny-imagenet",
            labels=[f"thing {i}" for i in range(200)],
            stem="tiny",
            epochs=8,
            validated_every=4,
        )
    return "tiny-imagenet/resnet18"


@pytest.fixture
def photo_bytes() -> bytes:
    """A photo-sized PNG with a name-worthy pattern."""
    rng = np.random.default_rng(3)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (180, 240, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()
