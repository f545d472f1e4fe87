"""`xnorlab bench`: the group of commands that measure times on this machine."""

import typer

from xnorlab.cli import (
    bench_classify,
    bench_conv,
    bench_literature,
    bench_loading,
    bench_network,
    bench_start,
    bench_sweep,
    bench_threads,
    bench_train,
)

app = typer.Typer(
    no_args_is_help=True, help="**Time** convolutions, networks, training, or the classifying of pictures here."
)
app.command("classify")(bench_classify.classify)
app.command("conv")(bench_conv.conv)
app.command("literature")(bench_literature.literature)
app.command("loading")(bench_loading.loading)
app.command("network")(bench_network.network)
app.command("start")(bench_start.start)
app.command("sweep")(bench_sweep.sweep)
app.command("threads")(bench_threads.threads)
app.command("train")(bench_train.train)
