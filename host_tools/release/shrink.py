"""Names that only the agent itself uses, replaced by names that MicroPython's ROM holds already.

MicroPython keeps each name that any module brings along for ever: its text, an entry of 7 bytes in a table, and
that table doubles. The agent's private names and parameters would take 4 KB of the 56 KB that Python has on a
chip without PSRAM, where an upgrade needs all of them. Public names, classes and texts stay as they are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Any

# Of modules that each build of MicroPython for ESP32 has; what none of our objects is ever asked for.
_ROM = """
acos acosh asin asinh atan atanh atan2 ceil copysign cosh degrees erf erfc expm1 fabs floor fmod frexp gamma
isfinite isinf isnan ldexp lgamma log10 log2 modf radians sinh sqrt tanh trunc phase polar mosi miso sck scl
sda baudrate bits parity cts rts polarity firstbit duty duty_u16 duty_ns atten width pull drive bitstream
lightsleep wake_reason mem8 mem16 mem32 blit ellipse fill fill_rect hline vline pixel poly rect scroll bssid
channel hidden authmode txpower ifconfig popleft appendleft gap_scan gap_connect gap_disconnect
gap_advertise gattc_read gattc_write gatts_read gatts_write gatts_notify gatts_indicate osdebug flash_read
MONO_VLSB MONO_HLSB MONO_HMSB RGB565 GS8 GS4_HMSB GS2_HMSB MVLSB PULL_UP PULL_DOWN OPEN_DRAIN IRQ_RISING
IRQ_FALLING WAKE_LOW WAKE_HIGH ATTN_0DB ATTN_6DB ATTN_11DB AUTH_OPEN AUTH_WEP AUTH_WPA_PSK AUTH_WPA2_PSK
AUTH_WPA_WPA2_PSK WIDTH_12BIT WIDTH_11BIT WIDTH_10BIT WIDTH_9BIT sub search match span MONO STEREO encrypt
BIG_ENDIAN LITTLE_ENDIAN NATIVE BFUINT8 BFINT8 BFUINT16 BFINT16 BFUINT32 BFINT32 BF_POS BF_LEN INT8 INT16
INT32 INT64 UINT8 FLOAT32 FLOAT64 VOID ARRAY PTR heap_lock heap_unlock stack_use qstr_info
alloc_emergency_exception_buf opt_level kbd_intr heapify heappush heappop getrandbits randrange uniform
triangular isalpha islower isspace isupper center rpartition rindex rfind difference difference_update discard
intersection intersection_update isdisjoint issubset issuperset symmetric_difference symmetric_difference_update
union popitem fromkeys reversed frozenset complex bin oct hex callable delattr globals locals input slice divmod
round hash issubclass ArithmeticError IndentationError LookupError NotImplementedError SyntaxError
StopAsyncIteration ZeroDivisionError namedtuple OrderedDict sendto recvfrom accept listen bind makefile SOCK_DGRAM
SOCK_RAW AF_INET6 SO_REUSEADDR localtime mktime ticks_us ticks_cpu sleep_us time_ns calcsize a2b_base64
b2a_base64 unhexlify randint choice getcwd chdir mkdir rmdir listdir ilistdir statvfs aes set_ciphers get_ciphers
deque execfile
"""
# Public, but of the package's own business: they pass from one module to another, and no application sees them.
_INTERNAL = """
app_bytes app_digest app_offset buffer build_time check_time chip_id clear_command count_trial doubt doubts
erase_blob extended follow for_url fruitless idf_free_bytes image_bytes image_digest is_judged is_record
is_resumed is_selected is_signed is_starved keep_block keep_command largest_free_block learn least_free_bytes
left_bytes load_blob load_command load_int min_sequence next_header prove_download public_key receive_now
received_ms refuse_on_trial reset_because save_blob save_blocks save_int settle size_of slot_count slot_index
split_url stub_abi wanted
"""
_PARAMETERS = list("abcdefghijklmnpqrstuvwxz")
# Private names of modules that are not ours, which ours read, set or override.
_OTHERS = {"_recv_len", "_send_str", "_thread", "_task_queue", "_"}
# What an application calls by keyword, or may.
_API = {"Agent", "mount"}
_WORD = re.compile(r"\w+")


def shrink(sources: Mapping[str, str | bytes]) -> dict[str, str]:
    """The modules of a package, by name, as equivalent source without comments.

    Raises: SyntaxError, which the compiler explains better.
    """
    trees = {name: ast.parse(text) for name, text in sources.items()}
    names = names_of(trees.values())
    called = {k.arg for tree in trees.values() for k in _all(tree, ast.keyword)}
    shrunk = {}
    for name, tree in trees.items():
        _rename_parameters(tree, called)
        shrunk[name] = ast.unparse(_Renamer(names).visit(tree))
    return shrunk


def names_of(trees: Iterable[ast.Module]) -> dict[str, str]:
    """The private names of a package, and what stands for each."""
    trees = list(trees)
    taken, found, kept = set[str](), set[str](), set(_OTHERS)
    for tree in trees:
        taken |= _identifiers(tree)
        found |= _bound(tree)
        kept |= _folded(tree) | _words(tree)
    private = {name for name in found if name[0] == "_" and name[:2] != "__"}
    private |= found & set(_INTERNAL.split())
    free = [name for name in _ROM.split() if name not in taken]
    # Those that are left over cost a few bytes more.
    return dict(zip(sorted(private - kept), free, strict=False))


def _all(tree: ast.AST, kind: type | tuple[type, ...]) -> list[Any]:
    return [node for node in ast.walk(tree) if isinstance(node, kind)]


def _identifiers(tree: ast.AST) -> set[str]:
    found = set[str]()
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "asname"):
            found.add(getattr(node, field, None) or "")
    return found


def _bound(tree: ast.AST) -> set[str]:
    """Functions, classes, globals and attributes that the package makes."""
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def _folded(tree: ast.Module) -> set[str]:
    """Globals that the compiler replaces by their value, for the sake of their names: `_X = const(…)`."""
    found = set()
    for node in _all(tree, ast.Assign):
        call = node.value
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "const":
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _words(tree: ast.Module) -> set[str]:
    """Words in texts, which may name an attribute; what explains the code is no text."""
    explaining = {id(node.value) for node in _all(tree, ast.Expr)}
    found = set[str]()
    for node in _all(tree, ast.Constant):
        if isinstance(node.value, str) and id(node) not in explaining:
            found.update(_WORD.findall(node.value))
    return found


def _rename_parameters(tree: ast.Module, called: set[str | None]) -> None:
    """Give the parameters of each function, and of those in it, names of one letter."""
    for function in _outermost(tree):
        inner = _all(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        names = {arg.arg for one in [function, *inner] for arg in _arguments(one)}
        names -= called | {"self", "cls"}
        free = [name for name in _PARAMETERS if name not in _identifiers(function)]
        _Renamer(dict(zip(sorted(names), free, strict=False)), local=True).visit(function)


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    arguments = function.args
    rest = [one for one in (arguments.vararg, arguments.kwarg) if one]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest]


def _outermost(tree: ast.AST) -> list[ast.FunctionDef]:
    found = []
    for node in ast.iter_child_nodes(tree):
        if getattr(node, "name", "") in _API:
            continue
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.append(node)
        else:
            found += _outermost(node)
    return found  # type: ignore[return-value]


class _Renamer(ast.NodeTransformer):
    """Renames by text, wherever a name stands; `local`: only what is no attribute."""

    def __init__(self, names: Mapping[str, str], local: bool = False) -> None:
        self._names = names
        self._fields = ("id", "arg") if local else ("id", "attr", "arg", "name", "asname")

    def visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, ast.keyword):
            for field in self._fields:
                name = getattr(node, field, None)
                if isinstance(name, str) and name in self._names:
                    setattr(node, field, self._names[name])
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            node.names = [self._names.get(name, name) for name in node.names]
        if isinstance(node, ast.ExceptHandler) and node.name:
            node.name = self._names.get(node.name, node.name)
        return self.generic_visit(node)
