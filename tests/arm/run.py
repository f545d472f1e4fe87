"""Runs packed networks and the kernels' tests on an emulated 64-bit ARM processor, and compares logits with x86's.

    python tests/arm/run.py WORK              three networks, three pictures, some of the kernels' tests
    python tests/arm/run.py WORK full         all networks, fourteen pictures, all tests of kernels and runtime
    python tests/arm/run.py WORK --cpu max    another processor of `qemu-aarch64 -cpu help`

WORK is a folder for Debian's packages, Python's wheels and compiled kernels, about 1 GB; a second run starts from what
lies there. It runs on an x86-64 machine with apt (Debian, or a system with Debian's keyring) and an environment that
has xnorlab's base install and pip. Nothing is installed and no rights are needed: packages are only unpacked. Whatever
apt and pip are told on this machine, about mirrors for example, holds here, too.

Emulation says whether results are right. It says nothing about speed.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RELEASE = "trixie"
"""Its QEMU shows programs an ARM processor's /proc/cpuinfo, from which LLVM takes the features; before 8.2 none did."""

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
EMULATED = ("base-files", "python3", "libstdc++6", "libgomp1")
WHEELS = ("numpy", "numba", "llvmlite", "pillow", "safetensors", "typer", "rich", "pytest", "hypothesis")

QUICK_NETWORKS = ("imagenette/resnet18-xnor", "imagenette/alexnet-xnor-k", "imagenette/resnet18-bwn")
QUICK_PICTURES, FULL_PICTURES = 3, 14
QUICK_TESTS = (
    "tests/kernels/codegen/test_processor.py",
    "tests/kernels/test_cpu.py",
    "tests/kernels/test_xnor_linear.py",
    "tests/kernels/test_pair_tables.py",
    "tests/kernels/test_team.py",
    "tests/kernels/test_xnor_conv.py::test_every_width_and_padding",
)
FULL_TESTS = ("tests/kernels", "tests/runtime", "--ignore=tests/kernels/test_arm_code.py")


@dataclass(frozen=True)
class Setting:
    """An ARM processor, as QEMU imitates it and as LLVM hears of it.

    Attributes:
        title: for people and file names.
        cpu: QEMU's name.
        environment: variables of the emulated programs.
    """

    title: str
    cpu: str
    environment: dict[str, str] = field(default_factory=dict)


WITHOUT_FEATURES = (
    Setting("generic", "cortex-a72", {"NUMBA_CPU_NAME": "generic"}),
    # On macOS LLVM knows the processor and lists no features. Only QEMU's "max" has all that the name stands for.
    Setting("like-macos", "max", {"NUMBA_CPU_NAME": "apple-m1", "NUMBA_CPU_FEATURES": ""}),
)
"""Where LLVM is told no features, NEON has to be known from the name of the target."""


def say(text: str) -> None:
    """Print a line with the seconds since the start, and those that the processor has worked on programs that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"[{time.monotonic() - _start:4.0f} s, CPU {used.ru_utime + used.ru_stime:4.0f} s] {text}", flush=True)


_start = time.monotonic()


def unpack(folder: Path, architecture: str, packages: Sequence[str]) -> None:
    """Unpack Debian packages and all that they depend on into `folder`; nothing of them is run."""
    if (folder / "complete").exists():
        return
    say(f"{architecture} packages: {', '.join(packages)}")
    shutil.rmtree(folder, ignore_errors=True)
    apt = folder.with_name(f"{folder.name}-apt")
    for name in ("lists/partial", "archives/partial", "nothing"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb [signed-by={KEYRING}] http://deb.debian.org/debian {RELEASE} main\n")
    (apt / "apt.conf").write_text(
        f'Dir::State "{apt}"; Dir::State::lists "{apt}/lists"; Dir::State::status "{apt}/status";\n'
        f'Dir::Cache "{apt}"; Dir::Cache::archives "{apt}/archives";\n'
        f'Dir::Etc::sourcelist "{apt}/sources.list"; Dir::Etc::sourceparts "{apt}/nothing";\n'
        f'Dir::Etc::preferencesparts "{apt}/nothing";\n'
        f'APT::Architecture "{architecture}"; APT::Install-Recommends "false"; APT::Sandbox::User "";\n'
        'Acquire::Languages "none";\n'
        f'#clear APT::Architectures;\nAPT::Architectures {{ "{architecture}"; }};\n'
        "#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
    )
    apt_get = ["apt-get", "-q=2", "-c", str(apt / "apt.conf")]
    subprocess.run([*apt_get, "update"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*apt_get, "install", "--download-only", *packages], check=True, stdout=subprocess.DEVNULL)
    folder.mkdir(parents=True)
    for package in sorted((apt / "archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    shutil.rmtree(apt)
    (folder / "complete").touch()


def add_wheels(folder: Path, python: str) -> None:
    """Unpack wheels for ARM into `folder`, in the versions that this Python has; python: "3.13"."""
    if (folder / "complete").exists():
        return
    say("wheels")
    shutil.rmtree(folder, ignore_errors=True)
    tags = [f"manylinux_2_{minor}_aarch64" for minor in range(28, 16, -1)] + ["manylinux2014_aarch64"]
    platforms = [argument for tag in tags for argument in ("--platform", tag)]
    target = ["--target", str(folder), "--python-version", python, "--implementation", "cp", "--only-binary=:all:"]
    abis = ["--abi", f"cp{python.replace('.', '')}", "--abi", "abi3", "--abi", "none"]
    pins = [f"{name}=={version(name)}" for name in WHEELS]
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([*pip, *target, *abis, *platforms, *pins], check=True)
    (folder / "complete").touch()


class Emulator:
    """Debian's Python for ARM with its wheels, under QEMU. work: where all of it lies, or will."""

    def __init__(self, work: Path):
        self._work, self._root, self._site = work, work / "root", work / "site"
        unpack(self._root, "arm64", EMULATED)
        unpack(work / "qemu", "amd64", ["qemu-user"])
        python = next(p for p in sorted((self._root / "usr/bin").glob("python3.*")) if p.name[8:].isdigit())
        add_wheels(self._site, python.name.removeprefix("python"))
        self._python = work / "python"
        self._python.write_text(f'#!/bin/sh\nexec "{work}/qemu/usr/bin/qemu-aarch64" "{python}" "$@"\n')
        self._python.chmod(0o755)
        # Tests start sys.executable, which x86 could not run.
        (self._site / "sitecustomize.py").write_text(f"import sys\nsys.executable = {str(self._python)!r}\n")

    def run(self, setting: Setting, *arguments: object) -> subprocess.CompletedProcess:
        """Run Python with `arguments` from the root of the repository."""
        environment = os.environ | {
            "QEMU_LD_PREFIX": str(self._root),
            "QEMU_CPU": setting.cpu,
            "PYTHONPATH": f"{self._site}:{ROOT}",
            "PYTHONPYCACHEPREFIX": str(self._work / "bytecode"),
            "PYTHONNOUSERSITE": "1",
            "NUMBA_CACHE_DIR": str(self._work / "compiled" / setting.title),
            **setting.environment,
        }
        for name in ("XNORLAB_CPU", "VIRTUAL_ENV"):
            environment.pop(name, None)
        command = [str(self._python), *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def main() -> int:
    """Run all checks side by side, as many as there are cores; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("work", type=Path, help="folder for packages and compiled kernels")
    parser.add_argument("mode", choices=["quick", "full"], nargs="?", default="quick")
    parser.add_argument("--cpu", default="cortex-a72", help="processor, of `qemu-aarch64 -cpu help`")
    asked = parser.parse_args()
    work = asked.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    full = asked.mode == "full"
    networks, pictures = ((), FULL_PICTURES) if full else (QUICK_NETWORKS, QUICK_PICTURES)
    emulator = Emulator(work)
    own = Setting(asked.cpu, asked.cpu)

    say("this machine's own logits")
    ours = work / "x86.npz"
    logits = [str(HERE / "logits.py"), "write"]
    subprocess.run([sys.executable, *logits, ours, str(pictures), *networks], check=True, cwd=ROOT)

    def compare(setting: Setting, *names: str) -> bool:
        """Whether all logits of these networks are those of x86."""
        theirs = work / f"{setting.title}.npz"
        done = emulator.run(setting, *logits, theirs, pictures, *names)
        return show(f"{setting.title}: logits", done) and show(
            f"{setting.title}: compared with x86",
            subprocess.run(
                [sys.executable, HERE / "logits.py", "compare", ours, theirs],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ),
        )

    def tests() -> bool:
        """Whether the tests pass."""
        options = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=--strict-markers"]
        # With kernels of its own: two processes do not share a folder of compiled ones.
        setting = Setting(f"{own.title}-tests", own.cpu)
        return show(f"{own.title}: tests", emulator.run(setting, *options, *(FULL_TESTS if full else QUICK_TESTS)))

    say("emulated, side by side")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        checks = [pool.submit(compare, own, *networks), pool.submit(tests)]
        checks += [pool.submit(compare, setting, QUICK_NETWORKS[0]) for setting in WITHOUT_FEATURES]
        right = [check.result() for check in checks]
    say("all right" if all(right) else "NOT right, see above")
    return 0 if all(right) else 1


def show(title: str, done: subprocess.CompletedProcess) -> bool:
    """Print what a program said; returns whether it ended well."""
    say(f"{title}: {'done' if done.returncode == 0 else f'exit code {done.returncode}'}")
    print(done.stdout.decode(errors="replace"), flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
