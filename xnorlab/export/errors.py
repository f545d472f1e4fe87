"""The error that packing raises."""


class ExportError(ValueError):
    """A model that cannot be packed; the message names what is refused and why, and says what can be done.

    Args:
        reason: why.
        node: see the attribute, and so for the rest.
        op: what is refused.
        source: where it stands.
        advice: what to do instead.

    Attributes:
        reason: why.
        node: path and type of what is refused, "features.1 (GELU)"; empty where it is no single step.
        op: module class, function or method that is refused, "forward" where it is the model's own code; or empty.
        source: "file:line: text" of the line of a forward that calls it; empty where no forward of a file does.
        advice: what can be used instead, or empty.
        meanwhile: what works as the model is, or empty.
    """

    def __init__(self, reason: str, *, node: str = "", op: str = "", source: str = "", advice: str = ""):
        super().__init__(reason)
        self.reason, self.node, self.op, self.source, self.advice = reason, node, op, source, advice
        self.meanwhile = ""

    @property
    def lines(self) -> list[str]:
        """The lines of the message: what and why, where, what instead, what works meanwhile; those that there are."""
        about = f"{self.node}: {self.reason}" if self.node else self.reason
        parts = {"at": self.source, "instead": self.advice, "meanwhile": self.meanwhile}
        return [about, *(f"{name}: {text}" for name, text in parts.items() if text)]

    def __str__(self) -> str:
        return "\n".join(self.lines)
