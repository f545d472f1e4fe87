"""`xnorlab names` and `xnorlab summary`: which networks are shipped, and what a network is made of."""

import os
from typing import Annotated, Any

import typer

from xnorlab import units
from xnorlab.cli.output import markdown_table, print_json, print_table
from xnorlab.cli.predict import open_network
from xnorlab.conventions import times_smaller
from xnorlab.zoo.cost import file_float32_bytes, float32_bytes, standard_error


def names(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the whole manifest.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the table in Markdown.")] = False,
) -> None:
    """List the **pretrained networks** with their measured accuracy and size.

    ± is the standard error that comes from the number of pictures alone; other seeds are further runs of the recipe.
    A teacher of the same data set is named without it. × smaller: the file's numbers in float32 over the file itself,
    which keeps real numbers in float16 where that is exact.

    `xnorlab names`
    """
    from xnorlab import pretrained

    entries = pretrained.entries()
    if as_json:
        from xnorlab.zoo.manifest import to_dict

        print_json(to_dict(entries))
        return
    header = ["name", "classes", "top-1 %", "other seeds", "epochs", "taught by", "packed file", "× smaller"]
    rows = [
        [
            name,
            str(len(shipped.labels)),
            f"{100 * shipped.top1:.1f} ± {100 * standard_error(shipped.top1, shipped.images):.1f}",
            ", ".join(f"{100 * repeat.top1:.1f}" for repeat in shipped.repeats) or "–",
            str(shipped.recipe.epochs),
            (shipped.recipe.teacher or "–").removeprefix(f"{shipped.dataset}/"),
            units.memory(shipped.bytes),
            _times_smaller(name, shipped.bytes),
        ]
        for name, shipped in entries.items()
    ]
    if as_markdown:
        typer.echo(markdown_table(header, rows))
        return
    print_table("Pretrained networks", header, rows)


def summary(
    network: Annotated[str, typer.Argument(help="A pretrained name or a packed file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a packed network **layer by layer**: shapes, bits, multiply-adds, bytes.

    A multiply-add of two signs is "binary": 64 of them are one XNOR and one population count. One with a real
    activation is "real", even where the weight is a sign or ternary.

    `xnorlab summary imagenette/alexnet-xnor`

    `xnorlab summary packed.safetensors --json`
    """
    from xnorlab import pretrained
    from xnorlab.benchmark import binary_memory, ternary_memory

    name, opened = open_network(network)
    rows = [
        {
            "name": row.name,
            "kind": row.kind,
            "output_shape": list(row.output_shape),
            "weight_bits": row.weight_bits,
            "binary_macs": row.binary_macs,
            "real_macs": row.float_macs,
            "bytes": row.weight_bytes,
            "float32_bytes": float32_bytes(op),
        }
        for row, op in zip(opened.summary(), opened.ops, strict=True)
    ]
    keys = ("binary_macs", "real_macs", "bytes", "float32_bytes")
    totals: dict[str, Any] = {key: sum(row[key] for row in rows) for key in keys}
    totals["file_bytes"] = os.path.getsize(name if os.path.isfile(name) else pretrained.path(name))
    totals["memory_ratio"] = times_smaller(totals["float32_bytes"], totals["file_bytes"])
    packed = {"binary": binary_memory(opened), "ternary": ternary_memory(opened)}
    if as_json:
        print_json(
            {
                "name": name,
                "input_shape": list(opened.input_shape),
                "layers": rows,
                "totals": totals,
                **{f"{kind}_weights": memory and memory.to_dict() for kind, memory in packed.items()},
            }
        )
        return
    print_table(
        f"{name}: input {_shape(opened.input_shape)}",
        ["layer", "kind", "output", "bits", "binary", "real", "bytes", "in float32"],
        [
            [
                row["name"],
                row["kind"],
                _shape(row["output_shape"]),
                str(row["weight_bits"] or "–"),
                _count(row["binary_macs"]),
                _count(row["real_macs"]),
                units.memory(row["bytes"]) if row["bytes"] else "–",
                units.memory(row["float32_bytes"]) if row["float32_bytes"] else "–",
            ]
            for row in rows
        ],
        footer=[
            "total",
            "",
            "",
            "",
            *(_count(totals[key]) for key in keys[:2]),
            *(units.memory(totals[key]) for key in keys[2:]),
        ],
    )
    typer.echo(
        f"The file, its header included, takes {units.memory(totals['file_bytes'])}: {totals['memory_ratio']:.1f}× "
        "smaller than its numbers in float32 (binary and real columns: multiply-adds)"
    )
    for kind, memory in packed.items():
        if memory is not None:
            typer.echo(
                f"{kind.capitalize()} weights alone: {units.memory(memory.file_bytes)} in the file, "
                f"{units.memory(memory.resident_bytes)} in memory, {units.memory(memory.float32_bytes)} in float32: "
                f"{memory.file_ratio:.1f}× and {memory.resident_ratio:.1f}×"
            )


def _times_smaller(name: str, stored_bytes: int) -> str:
    """The ratio of a shipped network as a cell of the table; a dash where its file is missing or altered."""
    from xnorlab import pretrained

    try:
        return f"{times_smaller(file_float32_bytes(pretrained.path(name)), stored_bytes):.1f}"
    except ValueError:
        return "–"


def _shape(shape: Any) -> str:
    return " × ".join(str(n) for n in shape)


def _count(macs: int) -> str:
    return units.count(macs) if macs else "–"
