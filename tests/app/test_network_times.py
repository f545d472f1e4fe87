"""The networks' times: measured once per process, off the pages' way, and known by the file."""

import pytest

NAMES = ("imagenette/alexnet-xnor", "imagenette/resnet18-xnor")


@pytest.fixture
def begun() -> list:
    return []


@pytest.fixture
def times(app_modules, monkeypatch, begun):
    from shared import network_times

    monkeypatch.setattr(network_times, "RUNS", 2)
    monkeypatch.setattr(network_times, "PAUSES_S", (0.0,))
    monkeypatch.setattr(network_times, "_times", {})
    monkeypatch.setattr(network_times, "_refused", set())
    monkeypatch.setattr(network_times, "_asked", {})
    monkeypatch.setattr(network_times, "_begin", begun.append)
    return network_times


def test_a_time_is_measured_once_and_then_known(times, begun):
    assert times.known(NAMES) == {}
    assert times.ask(NAMES)
    assert times.ask(NAMES[:1])
    assert len(begun) == 1, "who asks while others wait starts no second thread"
    times.measure_asked()
    known = times.known(NAMES)
    assert set(known) == set(NAMES)
    assert all(len(time.timing.samples_s) == 2 and time.taken for time in known.values())
    assert not times.ask(NAMES)
    assert times.known(NAMES) == known
    assert len(begun) == 1


def test_a_network_that_cannot_be_loaded_has_no_time_and_is_not_tried_again(times, pretrained_copy):
    (pretrained_copy / f"{NAMES[0]}.safetensors").unlink()
    assert times.ask(NAMES)
    times.measure_asked()
    assert set(times.known(NAMES)) == {NAMES[1]}
    assert not times.ask(NAMES)


def test_a_time_belongs_to_the_file_and_not_to_the_name(times, ship_resnet):
    from shared.network_times import NetworkTime

    from xnorlab import pretrained
    from xnorlab.benchmark import Timing

    before = pretrained.entry(NAMES[1]).sha256
    times._times[before] = NetworkTime(Timing("", (1.0,), 1, 1.0), "2030-01-02T03:04:05+00:00")
    assert set(times.known(NAMES)) == {NAMES[1]}
    assert ship_resnet("xnor") == NAMES[1]
    assert times.known(NAMES[1:]) == {}


def test_where_the_machine_was_busy_the_calmest_of_a_few_attempts_counts(times, monkeypatch):
    from xnorlab.benchmark import Timing

    attempts = iter(([1.0, 9.0, 9.0], [2.0, 2.5, 3.0], [1.0, 5.0, 5.0]))

    def interleaved(calls, *, repeats):
        runs = next(attempts)
        return {name: Timing(name, tuple(runs), 1, 1.0) for name in calls}

    monkeypatch.setattr(times, "interleaved", interleaved)
    monkeypatch.setattr(times, "PAUSES_S", (0.0,) * 3)
    times.ask(NAMES[:1])
    times.measure_asked()
    assert times.known(NAMES[:1])[NAMES[0]].timing.samples_s == (2.0, 2.5, 3.0)
    assert next(attempts, None) is None
