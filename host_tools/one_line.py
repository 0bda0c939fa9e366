"""Errors that a person can act on, as one line and exit code 1."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")


def one_line(*errors: type[Exception]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a command: these errors end it with their text, without a traceback."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except errors as error:
                raise click.ClickException(str(error)) from None

        return wrapped

    return decorate
