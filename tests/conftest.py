"""Two small pretrained networks, packed and latent, in a folder of their own."""

import hashlib
import json
from pathlib import Path

import pytest

from xnorlab import pretrained

LABELS = ["cat", "coffee", "golf ball"]
OPTIONS = {"width": 8}


@pytest.fixture(scope="session")
def small_networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like pretrained/ with test/resnet18-xnor and test/resnet18-float: 8 channels, 64 pixels, untrained."""
    import torch
    from safetensors.torch import save_file

    from xnorlab import export, models
    from xnorlab.images import Preprocessing

    folder = tmp_path_factory.mktemp("shipped")
    (folder / "test").mkdir()
    manifest = {}
    preprocessing = Preprocessing(resize=72, crop=64)
    for scheme in ("float", "xnor"):
        name = f"test/resnet18-{scheme}"
        torch.manual_seed(0)
        model = models.build("resnet18", scheme, len(LABELS), **OPTIONS)
        with torch.no_grad():
            model.train()(torch.randint(-128, 128, (4, 3, 64, 64)) / 64)
        files = {"file": f"{name}.safetensors", "latent_file": f"{name}-latent.safetensors"}
        example = torch.randint(-128, 128, (1, 3, 64, 64)) / 64
        packed = export.pack(model.eval(), example, labels=LABELS, preprocessing=preprocessing, name=name)
        packed.save(folder / files["file"])
        state = {key: value.contiguous() for key, value in model.state_dict().items() if value.is_floating_point()}
        save_file(state, folder / files["latent_file"])
        stamps = {}
        for key, prefix in (("file", ""), ("latent_file", "latent_")):
            content = (folder / files[key]).read_bytes()
            stamps[f"{prefix}sha256"] = hashlib.sha256(content).hexdigest()
            stamps[f"{prefix}bytes"] = len(content)
        manifest[name] = {
            **files,
            **stamps,
            "model": "resnet18",
            "scheme": scheme,
            "dataset": "test",
            "top1": 1 / 3,
            "images": 3,
            "recipe": {"model_options": OPTIONS, "epochs": 2},
            "date": "2026-11-22",
            "labels": LABELS,
        }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def shipped(small_networks: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`small_networks` as what is shipped."""
    monkeypatch.setattr(pretrained, "folder", lambda: small_networks)
    return small_networks
