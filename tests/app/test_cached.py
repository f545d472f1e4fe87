"""Networks are loaded once, however many are shipped."""

from xnorlab import pretrained


def test_every_network_that_was_asked_once_stays_loaded(app_modules, monkeypatch):
    from shared import cached

    class Network:
        input_shape = (1, 1, 3)

        def run(self, x):
            return x

    loaded: list[str] = []
    monkeypatch.setattr(pretrained, "load", lambda name: loaded.append(name) or Network())
    monkeypatch.setattr(cached, "_warm", set())
    names = [f"data/model-{i}" for i in range(40)]
    for name in 2 * names:
        cached.network(name)
    assert loaded == names
