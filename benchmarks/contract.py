"""What a peer is: a builder does its library's preparations, its callable computes everything."""

from collections.abc import Callable
from typing import Any

from .problems import Array

Result = tuple[float, dict[str, Any]] | None
Peer = Callable[[], Result]
Builder = Callable[[dict[str, Array], Array, Array, dict[str, Array]], Peer]

GEMM_LIMIT = "gemm limit"
